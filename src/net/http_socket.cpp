#include "net/http_socket.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace meshflow::net {
namespace {

namespace asio = boost::asio;

// Named: GCC 12 is not to see temporaries in awaited expressions.
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

bool has_ended(int socket) noexcept {
  char byte = 0;
  const ssize_t size = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

class PlainSocket final : public HttpSocket {
 public:
  explicit PlainSocket(StreamSocket socket) : socket_(std::move(socket)) {}

  asio::awaitable<bool> handshake() override { co_return true; }
  asio::awaitable<Transfer> read_some(asio::mutable_buffer buffer) override {
    const auto [error, bytes] = co_await socket_.async_read_some(buffer, kAwait);
    co_return Transfer{bytes, error.failed()};
  }
  asio::awaitable<Transfer> write_some(std::array<asio::const_buffer, 2> buffers) override {
    const auto [error, bytes] = co_await socket_.async_write_some(buffers, kAwait);
    co_return Transfer{bytes, error.failed()};
  }
  asio::awaitable<std::optional<std::string>> peek(std::size_t bytes) override {
    // Below this many the kernel does not call the socket readable (socket(7)), unless the peer has ended.
    set_low_mark(static_cast<int>(bytes));
    const auto [error] = co_await socket_.async_wait(StreamSocket::wait_read, kAwait);
    set_low_mark(1);
    std::string seen(bytes, '\0');
    const ssize_t size =
        error.failed() ? 0 : ::recv(socket_.native_handle(), seen.data(), seen.size(), MSG_PEEK | MSG_DONTWAIT);
    seen.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    co_return seen;
  }
  int release() noexcept override {
    boost::system::error_code error;
    const int socket = socket_.release(error);
    return error.failed() ? -1 : socket;
  }
  asio::awaitable<void> shutdown_write() override {
    boost::system::error_code ignored;
    socket_.shutdown(StreamSocket::shutdown_send, ignored);
    co_return;
  }
  bool is_peer_gone() noexcept override { return has_ended(socket_.native_handle()); }
  void cancel() noexcept override {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
  void close() noexcept override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  void set_low_mark(int bytes) noexcept {
    (void)::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
  }

  StreamSocket socket_;
};

class TlsSocket final : public HttpSocket {
 public:
  TlsSocket(StreamSocket socket, TlsContext& tls) : stream_(std::move(socket), tls) {}

  asio::awaitable<bool> handshake() override {
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    co_return !error.failed();
  }
  asio::awaitable<Transfer> read_some(asio::mutable_buffer buffer) override {
    const auto [error, bytes] = co_await stream_.async_read_some(buffer, kAwait);
    co_return Transfer{bytes, error.failed()};
  }
  asio::awaitable<Transfer> write_some(std::array<asio::const_buffer, 2> buffers) override {
    // TLS writes one buffer at a time.
    const asio::const_buffer buffer = buffers[0].size() > 0 ? buffers[0] : buffers[1];
    const auto [error, bytes] = co_await stream_.async_write_some(buffer, kAwait);
    co_return Transfer{bytes, error.failed()};
  }
  asio::awaitable<std::optional<std::string>> peek(std::size_t /*bytes*/) override { co_return std::nullopt; }
  int release() noexcept override { return -1; }
  asio::awaitable<void> shutdown_write() override {
    // Sends close_notify and waits for the peer's, which the connection's time limit bounds.
    co_await stream_.async_shutdown(kAwait);
  }
  bool is_peer_gone() noexcept override { return has_ended(stream_.lowest_layer().native_handle()); }
  void cancel() noexcept override {
    boost::system::error_code ignored;
    stream_.lowest_layer().cancel(ignored);
  }
  void close() noexcept override {
    boost::system::error_code ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  asio::ssl::stream<StreamSocket> stream_;
};

}  // namespace

std::unique_ptr<HttpSocket> make_http_socket(StreamSocket socket, TlsContext* tls) {
  if (tls == nullptr) return std::make_unique<PlainSocket>(std::move(socket));
  return std::make_unique<TlsSocket>(std::move(socket), *tls);
}

}  // namespace meshflow::net
