#include "net/http_server.hpp"

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/try.hpp"
#include "net/http_connection.hpp"
#include "net/io_loops.hpp"
#include "net/unix_socket.hpp"

namespace meshflow::net {

namespace asio = boost::asio;
using asio::generic::stream_protocol;
using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<stream_protocol>;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// How often late connections are looked for: precise to a quarter of the shortest limit, within these.
constexpr std::chrono::milliseconds kSweepMin{5};
constexpr std::chrono::milliseconds kSweepMax{1000};
// Where a connection cannot be accepted, for want of file descriptors say, the next try is this much later.
constexpr std::chrono::milliseconds kAcceptPause{50};

std::chrono::milliseconds sweep_interval(const HttpServerLimits& limits) {
  const auto shortest =
      std::min({limits.idle_timeout, limits.header_timeout, limits.body_timeout, limits.write_timeout});
  return std::clamp(shortest / 4, kSweepMin, kSweepMax);
}

Result<std::unique_ptr<TlsContext>> load_tls(std::string_view name, const HttpServerTls& files) {
  if (files.certificate_file.empty()) return nullptr;
  auto context = std::make_unique<TlsContext>(TlsContext::tls_server);
  boost::system::error_code error;
  const auto failed = [&](const std::string& file) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} cannot use {} for TLS: {}", name, file, error.message()),
                "a certificate (with its chain) and its key are PEM files");
  };
  context->set_options(TlsContext::default_workarounds | TlsContext::no_tlsv1 | TlsContext::no_tlsv1_1, error);
  context->use_certificate_chain_file(files.certificate_file, error);
  if (error) return failed(files.certificate_file);
  const std::string& key = files.key_file.empty() ? files.certificate_file : files.key_file;
  context->use_private_key_file(key, TlsContext::pem, error);
  if (error) return failed(key);
  return context;
}

// `address` gets the port.
Result<Acceptor> open_tcp(asio::io_context& context, const HttpServerOptions& options, ListenAddress& address) {
  MESHFLOW_CHECK(
      check_may_listen(options.name, options.address, !options.bearer_token.empty(), options.insecure_public));
  const auto failed = [&](const boost::system::error_code& error) {
    const ErrorCode code = error == boost::system::errc::permission_denied ? ErrorCode::permission_denied
                           : error == boost::system::errc::address_in_use  ? ErrorCode::conflict
                                                                           : ErrorCode::unavailable;
    return fail(
        code, fmt::format("{} cannot listen on {}: {}", options.name, options.address.text(), error.message()),
        error == boost::system::errc::address_in_use ? "another program listens there; port 0 takes a free one" : "");
  };
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(options.address.ip, error);
  if (error) return failed(error);
  const tcp::endpoint endpoint(ip, options.address.port);
  tcp::acceptor acceptor(context);
  acceptor.open(endpoint.protocol(), error);
  if (error) return failed(error);
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  acceptor.bind(endpoint, error);
  if (error) return failed(error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed(error);
  address.port = acceptor.local_endpoint(error).port();
  return Acceptor(std::move(acceptor));
}

Result<Acceptor> open_unix(asio::io_context& context, const HttpServerOptions& options) {
  const auto failed = [&](const boost::system::error_code& error) {
    return fail(ErrorCode::io,
                fmt::format("{} cannot listen on {}: {}", options.name, options.unix_socket_path, error.message()));
  };
  MESHFLOW_TRY(const UnixSocketPath path, UnixSocketPath::open(options.unix_socket_path));
  ::unlink(path.text().c_str());
  boost::system::error_code error;
  asio::local::stream_protocol::acceptor acceptor(context);
  acceptor.open({}, error);
  if (error) return failed(error);
  ::fchmod(acceptor.native_handle(), S_IRUSR | S_IWUSR);  // what the file gets
  acceptor.bind({path.text()}, error);
  if (error) return failed(error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed(error);
  return Acceptor(std::move(acceptor));
}

// Of a TCP connection's other end; empty for a unix-domain socket.
std::string peer_of(const StreamSocket& socket) {
  boost::system::error_code error;
  const stream_protocol::endpoint generic = socket.remote_endpoint(error);
  const int family = error ? AF_UNSPEC : generic.protocol().family();
  if (family != AF_INET && family != AF_INET6) return {};
  tcp::endpoint peer;
  std::memcpy(peer.data(), generic.data(), std::min(generic.size(), peer.capacity()));
  return ListenAddress{peer.address().to_string(), peer.port()}.text();
}

}  // namespace

// Alive as long as its coroutines: they hold it.
class HttpServer::Implementation : public std::enable_shared_from_this<Implementation> {
 public:
  Implementation(IoThreads& threads, std::shared_ptr<HttpCore> core, std::unique_ptr<TlsContext> tls, Acceptor acceptor,
                 ListenAddress address)
      : loops_(threads.loops()),
        core_(std::move(core)),
        tls_(std::move(tls)),
        acceptor_(std::move(acceptor)),
        address_(std::move(address)) {
    for (std::size_t i = 0; i < loops_->size(); ++i) lanes_.push_back(std::make_shared<HttpLane>(loops_, i));
  }

  void start() {
    coroutines_ = lanes_.size() + 1;
    const auto interval = sweep_interval(core_->options.limits);
    for (const auto& lane : lanes_)
      asio::co_spawn(lane->context, sweep(shared_from_this(), lane, interval), asio::detached);
    asio::co_spawn(loops_->context(0), accept(shared_from_this()), asio::detached);
  }

  const ListenAddress& address() const noexcept { return address_; }
  const HttpCore& core() const noexcept { return *core_; }

  bool stop(std::chrono::milliseconds limit) {
    const std::lock_guard one_at_a_time(stop_mutex_);
    if (is_stopped_) return true;
    is_stopped_ = true;
    core_->is_stopping = true;
    if (!loops_->is_stopped()) {
      asio::post(loops_->context(0), [self = shared_from_this()] {
        boost::system::error_code ignored;
        self->acceptor_.close(ignored);
      });
    }
    on_each_lane([](HttpLane& lane) {
      lane.is_stopping = true;
      for (HttpConnection* const connection : lane.connections) connection->finish();
    });
    wait_until(limit, core_->connections_open);
    const bool is_all_answered = core_->requests_open == 0;
    on_each_lane([](HttpLane& lane) {
      for (HttpConnection* const connection : lane.connections) connection->close();
    });
    while (!loops_->is_stopped() && !wait_until(std::chrono::seconds(1), core_->connections_open)) {
    }
    on_each_lane([](HttpLane& lane) {
      lane.is_over = true;
      lane.sweep.cancel();
    });
    // They hold the loops, which must not hold them for ever.
    while (!loops_->is_stopped() && !wait_until(std::chrono::seconds(1), coroutines_)) {
    }
    const std::string& path = core_->options.unix_socket_path;
    if (!path.empty()) ::unlink(path.c_str());
    return is_all_answered;
  }

 private:
  // One of a count, and word when it goes.
  class Presence {
   public:
    Presence(Implementation& server, std::atomic<std::uint64_t>& count) : server_(server), count_(count) {}
    ~Presence() {
      const std::lock_guard lock(server_.mutex_);
      --count_;
      server_.changed_.notify_all();
    }
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;

   private:
    Implementation& server_;
    std::atomic<std::uint64_t>& count_;
  };

  static asio::awaitable<void> sweep(std::shared_ptr<Implementation> self, std::shared_ptr<HttpLane> lane,
                                     std::chrono::milliseconds interval) {
    const Presence presence(*self, self->coroutines_);
    while (!lane->is_over) {
      lane->sweep.expires_after(interval);
      co_await lane->sweep.async_wait(kAwait);
      const auto now = std::chrono::steady_clock::now();
      for (HttpConnection* const connection : lane->connections) connection->sweep(now);
    }
  }

  static asio::awaitable<void> accept(std::shared_ptr<Implementation> self) {
    const Presence presence(*self, self->coroutines_);
    const std::size_t connections_max = self->core_->options.limits.connections_max;
    asio::steady_timer pause(self->loops_->context(0));
    for (std::size_t next = 0;; ++next) {
      const std::shared_ptr<HttpLane> lane = self->lanes_[next % self->lanes_.size()];
      auto [error, socket] = co_await self->acceptor_.async_accept(lane->context, kAwait);
      if (!self->acceptor_.is_open()) co_return;
      if (error) {
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(kAwait);
        continue;
      }
      ++self->core_->connections;
      const std::size_t open = ++self->core_->connections_open;
      if (open > 2 * connections_max) {  // too many to be told
        const Presence going(*self, self->core_->connections_open);
        ++self->core_->refused;
        continue;
      }
      auto serving = serve(self, lane, std::move(socket), open > connections_max);
      asio::co_spawn(lane->context, std::move(serving), asio::detached);
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<Implementation> self, std::shared_ptr<HttpLane> lane,
                                     StreamSocket socket, bool is_surplus) {
    const Presence presence(*self, self->core_->connections_open);
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::string peer = peer_of(socket);
    const auto connection = std::make_shared<HttpConnection>(
        self->core_, lane, make_http_socket(std::move(socket), self->tls_.get()), std::move(peer), is_surplus);
    try {
      co_await connection->run();
    } catch (...) {  // memory ran out: this connection ends, the others go on
    }
  }

  void on_each_lane(void (*work)(HttpLane&)) {
    if (loops_->is_stopped()) return;
    for (const auto& lane : lanes_) asio::post(lane->context, [lane, work] { work(*lane); });
  }

  bool wait_until(std::chrono::milliseconds limit, const std::atomic<std::uint64_t>& count_is_zero) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return count_is_zero == 0; });
  }

  const std::shared_ptr<IoThreads::Loops> loops_;  // shared with IoThreads and answers that are still owed
  const std::shared_ptr<HttpCore> core_;           // shared with connections and answers that are still owed
  const std::unique_ptr<TlsContext> tls_;          // null: plain HTTP
  Acceptor acceptor_;                              // on loop 0
  const ListenAddress address_;
  std::vector<std::shared_ptr<HttpLane>> lanes_;  // one a loop
  std::atomic<std::uint64_t> coroutines_{0};      // of the server's own
  std::mutex stop_mutex_;
  bool is_stopped_ = false;
  std::mutex mutex_;  // for changed_
  std::condition_variable changed_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::listen(IoThreads& threads, HttpServerOptions options,
                                                       HttpHandler handler) {
  MESHFLOW_TRY(auto tls, load_tls(options.name, options.tls));
  ListenAddress address = options.address;
  MESHFLOW_TRY(Acceptor acceptor, options.unix_socket_path.empty()
                                      ? open_tcp(threads.loops()->context(0), options, address)
                                      : open_unix(threads.loops()->context(0), options));
  auto core = std::make_shared<HttpCore>(std::move(options), std::move(handler));
  auto implementation = std::make_shared<Implementation>(threads, std::move(core), std::move(tls), std::move(acceptor),
                                                         std::move(address));
  implementation->start();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation)));
}

HttpServer::HttpServer(std::shared_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
HttpServer::~HttpServer() { stop(std::chrono::milliseconds(0)); }

const ListenAddress& HttpServer::address() const noexcept { return implementation_->address(); }

HttpServerStats HttpServer::stats() const {
  const HttpCore& core = implementation_->core();
  return {.connections = core.connections,
          .connections_open = core.connections_open,
          .requests = core.requests,
          .requests_open = core.requests_open,
          .refused = core.refused,
          .timeouts = core.timeouts,
          .body_bytes = core.body_bytes};
}

bool HttpServer::stop(std::chrono::milliseconds limit) { return implementation_->stop(limit); }

}  // namespace meshflow::net
