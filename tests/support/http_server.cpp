#include "support/http_server.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <zlib.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace meshflow::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr std::size_t kBodyBytesMax = 256u << 20;

std::string pem_of(auto write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

http::response<http::string_body> response_of(const ScriptedReply& reply) {
  http::response<http::string_body> response(static_cast<http::status>(reply.status), 11);
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.body() = reply.body;
  response.prepare_payload();
  return response;
}

RecordedRequest record_of(const http::request<http::string_body>& request) {
  RecordedRequest record;
  record.method = std::string(request.method_string());
  record.target = std::string(request.target());
  for (const auto& field : request) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    record.headers[name] = std::string(field.value());
  }
  record.wire_body = request.body();
  record.body = request[http::field::content_encoding] == "gzip" ? gunzip(record.wire_body) : record.wire_body;
  return record;
}

}  // namespace

class HttpServer::Implementation {
 public:
  explicit Implementation(const TestCertificate* certificate)
      : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    if (certificate != nullptr) {
      tls_.emplace(asio::ssl::context::tls_server);
      tls_->use_certificate_chain(asio::buffer(certificate->certificate_pem));
      tls_->use_private_key(asio::buffer(certificate->key_pem), asio::ssl::context::pem);
    }
    accepting_ = std::thread([this] { accept(); });
  }

  ~Implementation() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
    }
    changed_.notify_all();
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // wakes accept()
    accepting_.join();
    for (auto& thread : serving_) thread.join();
  }

  std::uint16_t port() { return acceptor_.local_endpoint().port(); }
  bool is_tls() const { return tls_.has_value(); }

  void script(ScriptedReply reply) {
    const std::lock_guard lock(mutex_);
    scripts_.push_back(std::move(reply));
  }
  void reply_always(ScriptedReply reply) {
    const std::lock_guard lock(mutex_);
    always_ = std::move(reply);
  }
  std::vector<RecordedRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t connections() {
    const std::lock_guard lock(mutex_);
    return serving_.size();
  }
  bool wait_for_requests(std::size_t count, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return requests_.size() >= count; });
  }

 private:
  void accept() {
    for (;;) {
      boost::system::error_code error;
      tcp::socket socket(context_);
      acceptor_.accept(socket, error);
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (error) continue;
      const int fd = socket.native_handle();
      sockets_.insert(fd);
      serving_.emplace_back([this, fd, shared = std::make_shared<tcp::socket>(std::move(socket))]() mutable {
        serve_connection(*shared);
        const std::lock_guard inner(mutex_);
        sockets_.erase(fd);
        shared->close();
      });
    }
  }

  void serve_connection(tcp::socket& socket) {
    if (!tls_) return serve(socket, socket);
    asio::ssl::stream<tcp::socket&> stream(socket, *tls_);
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    if (!error) serve(stream, socket);
  }

  void serve(auto& stream, tcp::socket& socket) {
    beast::flat_buffer buffer;
    for (;;) {
      boost::system::error_code error;
      http::request_parser<http::string_body> parser;
      parser.body_limit(kBodyBytesMax);
      http::read(stream, buffer, parser, error);
      if (error) return;
      const ScriptedReply reply = next_reply(record_of(parser.get()));
      if (!answer(stream, socket, reply) || !parser.keep_alive()) return;
    }
  }

  ScriptedReply next_reply(RecordedRequest record) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(record));
    changed_.notify_all();
    if (scripts_.empty()) return always_;
    ScriptedReply reply = std::move(scripts_.front());
    scripts_.pop_front();
    return reply;
  }

  // False where the connection is to end.
  bool answer(auto& stream, tcp::socket& socket, const ScriptedReply& reply) {
    const bool hangs = reply.ending == ScriptedReply::Ending::hang;
    if (hangs || reply.delay.count() > 0) {
      std::unique_lock lock(mutex_);
      const auto until = std::chrono::steady_clock::now() + (hangs ? std::chrono::hours(1) : reply.delay);
      if (changed_.wait_until(lock, until, [this] { return stopping_; })) return false;
    }
    boost::system::error_code error;
    switch (reply.ending) {
      case ScriptedReply::Ending::hang:
      case ScriptedReply::Ending::close: return false;
      case ScriptedReply::Ending::reset: socket.set_option(asio::socket_base::linger(true, 0), error); return false;
      case ScriptedReply::Ending::half_a_body: {
        auto response = response_of(reply);
        std::ostringstream text;
        text << response;
        const std::string whole = text.str();
        asio::write(stream, asio::buffer(whole.data(), whole.size() - (reply.body.size() + 1) / 2), error);
        return false;
      }
      case ScriptedReply::Ending::stays_open: {
        auto response = response_of(reply);
        response.content_length(reply.body.size() + 1);
        http::write(stream, response, error);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_; });
        return false;
      }
      case ScriptedReply::Ending::whole: break;
    }
    http::write(stream, response_of(reply), error);
    return !error;
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::optional<asio::ssl::context> tls_;

  std::mutex mutex_;  // guards what follows, up to the threads
  std::condition_variable changed_;
  bool stopping_ = false;
  std::set<int> sockets_;  // open connections
  std::deque<ScriptedReply> scripts_;
  ScriptedReply always_;
  std::vector<RecordedRequest> requests_;
  std::vector<std::thread> serving_;

  std::thread accepting_;
};

HttpServer::HttpServer() : implementation_(std::make_unique<Implementation>(nullptr)) {}
HttpServer::HttpServer(const TestCertificate& certificate)
    : implementation_(std::make_unique<Implementation>(&certificate)) {}
HttpServer::~HttpServer() = default;
std::uint16_t HttpServer::port() const { return implementation_->port(); }
std::string HttpServer::url(const std::string& path) const {
  return (implementation_->is_tls() ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port()) + path;
}
void HttpServer::script(ScriptedReply reply) { implementation_->script(std::move(reply)); }
void HttpServer::reply_always(ScriptedReply reply) { implementation_->reply_always(std::move(reply)); }
std::vector<RecordedRequest> HttpServer::requests() const { return implementation_->requests(); }
std::size_t HttpServer::connections() const { return implementation_->connections(); }
bool HttpServer::wait_for_requests(std::size_t count, std::chrono::milliseconds limit) const {
  return implementation_->wait_for_requests(count, limit);
}

std::uint16_t unused_port() {
  asio::io_context context;
  return tcp::acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)).local_endpoint().port();
}

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw std::runtime_error("inflateInit2");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::string piece(64u << 10, '\0');
  int code = Z_OK;
  while (code == Z_OK && out.size() <= kBodyBytesMax) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, 0, piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::runtime_error("not gzip");
  return out;
}

TestCertificate TestCertificate::make() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("meshflow test"), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), name);
  for (const auto& [id, value] : {std::pair{NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost"},
                                  std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, id, value), &X509_EXTENSION_free);
    X509_add_ext(certificate.get(), extension.get(), -1);
  }
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return {pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); }),
          pem_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

}  // namespace meshflow::test
