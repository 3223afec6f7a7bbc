#include "net/http_client.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <mutex>
#include <optional>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>

#include "net/unix_socket.hpp"

namespace meshflow::net {
namespace {

constexpr std::size_t kResponseHeaderBytesMax = 256u << 10;

// libcurl wants its global state made once, before the first handle, by one thread.
void initialize_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct ListDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

struct Receiver {
  HttpResponse response;
  std::size_t body_bytes_max = 0;
  std::size_t header_bytes = 0;
  bool too_large = false;
  const HttpRequest* request = nullptr;
  CURL* easy = nullptr;
  bool is_enough = false;
};

int status_of(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

std::size_t receive_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  if (receiver.response.body.size() + size > receiver.body_bytes_max) {
    receiver.too_large = true;
    return 0;
  }
  receiver.response.body.append(data, size);
  if (!receiver.request->is_enough) return size;
  if (receiver.response.status == 0) receiver.response.status = status_of(receiver.easy);
  receiver.is_enough = receiver.request->is_enough(receiver.response);
  return receiver.is_enough ? 0 : size;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::size_t receive_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  receiver.header_bytes += size;
  if (receiver.header_bytes > kResponseHeaderBytesMax) {
    receiver.too_large = true;
    return 0;
  }
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {  // a new response begins: after a proxy's CONNECT or a 1xx
    receiver.response.headers.clear();
    return size;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  receiver.response.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  return size;
}

HttpFailurePhase phase_of(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return HttpFailurePhase::request;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return HttpFailurePhase::resolve;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY: return HttpFailurePhase::connect;
    case CURLE_OPERATION_TIMEDOUT: return HttpFailurePhase::timeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED: return HttpFailurePhase::tls;
    default: return HttpFailurePhase::reset;  // got nothing, partial, send or receive error, broken HTTP framing
  }
}

bool is_token(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return std::isalnum(c) != 0 || kSigns.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_header_text(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

std::string_view http_failure_phase_name(HttpFailurePhase phase) noexcept {
  switch (phase) {
    case HttpFailurePhase::request: return "request";
    case HttpFailurePhase::resolve: return "resolve";
    case HttpFailurePhase::connect: return "connect";
    case HttpFailurePhase::tls: return "tls";
    case HttpFailurePhase::timeout: return "timeout";
    case HttpFailurePhase::reset: return "reset";
    case HttpFailurePhase::too_large: return "too_large";
    case HttpFailurePhase::cancelled: return "cancelled";
  }
  return "unknown";
}

std::string_view HttpResponse::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

// The libcurl handles of one client. A multi handle drives the one easy handle because only it can be woken from
// another thread.
class HttpClient::Transport {
 public:
  explicit Transport(TlsSettings tls) : tls_(std::move(tls)) {}
  ~Transport() { close(); }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  HttpResult send(const HttpRequest& request) {
    if (!is_token(request.method)) {
      return failure(HttpFailurePhase::request, request, fmt::format("\"{}\" is no method", request.method));
    }
    if (cancelled_) return failure(HttpFailurePhase::cancelled, request, "cancelled");
    open();
    HeaderList headers;
    for (const auto& [name, value] : request.headers) {
      if (!is_header_text(name) || !is_header_text(value)) {
        return failure(HttpFailurePhase::request, request, fmt::format("header {} holds a line break or a zero", name));
      }
      // "Name;" is how libcurl spells an empty value; "Name:" would remove the header.
      add(headers, value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    }
    std::optional<UnixSocketPath> unix_path;  // until the connection is there
    if (!request.unix_socket_path.empty()) {
      auto path = UnixSocketPath::open(std::string(request.unix_socket_path));
      if (!path) return failure(HttpFailurePhase::connect, request, path.error().message);
      unix_path.emplace(std::move(*path));
    }
    add(headers, "Expect:");  // no 100-continue: it costs a round trip, or a second where the peer ignores it

    Receiver receiver;
    receiver.body_bytes_max = request.response_bytes_max;
    receiver.request = &request;
    receiver.easy = easy_;
    std::array<char, CURL_ERROR_SIZE> details{};
    apply(request, headers.get(), receiver, details.data());
    if (unix_path) {
      curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, unix_path->text().c_str());
      curl_easy_setopt(easy_, CURLOPT_PROXY, "");  // none, whatever the environment says
    }
    const CURLcode code = perform();
    // The options just set point to this frame; nothing may follow them any more.
    curl_easy_reset(easy_);

    if (cancelled_) return failure(HttpFailurePhase::cancelled, request, "cancelled");
    if (receiver.too_large) {
      return failure(HttpFailurePhase::too_large, request,
                     fmt::format("the response is larger than {} bytes", request.response_bytes_max));
    }
    if (code != CURLE_OK && !receiver.is_enough) {
      return failure(phase_of(code), request, details[0] != '\0' ? details.data() : curl_easy_strerror(code));
    }
    receiver.response.status = status_;
    return std::move(receiver.response);
  }

  [[nodiscard]] const TlsSettings& tls() const noexcept { return tls_; }

  void cancel() noexcept {
    cancelled_ = true;
    const std::lock_guard lock(multi_mutex_);
    if (multi_ != nullptr) curl_multi_wakeup(multi_);
  }

 private:
  static void add(HeaderList& list, const std::string& line) {
    list.reset(curl_slist_append(list.release(), line.c_str()));
  }

  static tl::unexpected<HttpFailure> failure(HttpFailurePhase phase, const HttpRequest& request, std::string_view why) {
    std::string_view place = request.url.substr(0, request.url.find('?'));
    if (const auto at = place.rfind('@'); at != std::string_view::npos) place.remove_prefix(at + 1);
    return tl::unexpected(
        HttpFailure{phase, fmt::format("{} to {} failed: {}", request.method, place, why), std::string(why)});
  }

  void open() {
    if (multi_ != nullptr) return;
    initialize_curl_once();
    const std::lock_guard lock(multi_mutex_);
    easy_ = curl_easy_init();
    multi_ = curl_multi_init();
  }

  void close() {
    if (multi_ == nullptr) return;
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_);
  }

  void apply(const HttpRequest& request, curl_slist* headers, Receiver& receiver, char* details) {
    const std::string url(request.url);  // libcurl copies strings
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    apply_method(request);
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl can undo
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, std::max<long>(1, request.connect_timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, std::max<long>(1, request.total_timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);  // a resolver that hangs is not waited for
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &receiver);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &receiver);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, details);
    if (!tls_.ca_file.empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO, tls_.ca_file.c_str());
    if (!tls_.client_certificate_file.empty()) {
      const auto& key = tls_.client_key_file.empty() ? tls_.client_certificate_file : tls_.client_key_file;
      curl_easy_setopt(easy_, CURLOPT_SSLCERT, tls_.client_certificate_file.c_str());
      curl_easy_setopt(easy_, CURLOPT_SSLKEY, key.c_str());
    }
  }

  void apply_method(const HttpRequest& request) {
    const bool takes_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    std::string_view implied = "GET";  // what libcurl would write by itself
    if (request.method == "HEAD") {
      curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
      implied = "HEAD";
    } else if (takes_body || !request.body.empty()) {
      curl_easy_setopt(easy_, CURLOPT_POST, 1L);
      implied = "POST";
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request.body.data() == nullptr ? "" : request.body.data());
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else {
      curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    }
    if (request.method != implied) {
      curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
    }
  }

  CURLcode perform() {
    curl_multi_add_handle(multi_, easy_);
    CURLcode result = CURLE_RECV_ERROR;
    int running = 1;
    while (!cancelled_) {
      if (curl_multi_perform(multi_, &running) != CURLM_OK || running == 0) break;
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    status_ = status_of(easy_);
    curl_multi_remove_handle(multi_, easy_);
    return result;
  }

  const TlsSettings tls_;
  std::atomic<bool> cancelled_{false};
  std::mutex multi_mutex_;  // guards the pointer multi_ between open() and cancel()
  CURLM* multi_ = nullptr;
  CURL* easy_ = nullptr;
  int status_ = 0;
};

HttpClient::HttpClient(TlsSettings tls) : transport_(std::make_unique<Transport>(std::move(tls))) {}
HttpClient::~HttpClient() = default;
HttpResult HttpClient::send(const HttpRequest& request) { return transport_->send(request); }
void HttpClient::cancel() noexcept { transport_->cancel(); }

void HttpClient::after_fork_in_child() noexcept {
  const Transport* const parents = transport_.release();
  transport_ = std::make_unique<Transport>(parents->tls());
}

}  // namespace meshflow::net
