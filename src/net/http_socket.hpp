// A connected stream, plain or TLS, for coroutines of its event loop. Private to the room.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>

namespace meshflow::net {

// One read and one write at a time; every method on the loop's thread.
class HttpSocket {
 public:
  struct Transfer {
    std::size_t bytes = 0;
    bool is_failed = false;  // the peer closed it, it broke, or it was cancelled
  };
  virtual ~HttpSocket() = default;

  // TLS: the handshake; false where it failed. Plain: true.
  [[nodiscard]] virtual boost::asio::awaitable<bool> handshake() = 0;
  [[nodiscard]] virtual boost::asio::awaitable<Transfer> read_some(boost::asio::mutable_buffer buffer) = 0;
  [[nodiscard]] virtual boost::asio::awaitable<Transfer> write_some(
      std::array<boost::asio::const_buffer, 2> buffers) = 0;
  // Waits until the peer has sent `bytes` or more, or has ended, and gives the first of what came, without taking it:
  // empty where nothing came. Nothing for TLS.
  [[nodiscard]] virtual boost::asio::awaitable<std::optional<std::string>> peek(std::size_t bytes) = 0;
  // Gives the descriptor away, which does not block; this object is closed then. -1 where it cannot.
  [[nodiscard]] virtual int release() noexcept = 0;
  // Tells the peer that nothing more will be written.
  [[nodiscard]] virtual boost::asio::awaitable<void> shutdown_write() = 0;

  // Whether the peer has ended its side of the connection, with nothing that it sent left to be read. One that ends
  // only its sending side counts, too.
  [[nodiscard]] virtual bool is_peer_gone() noexcept = 0;

  // What is under way fails soon.
  virtual void cancel() noexcept = 0;
  virtual void close() noexcept = 0;
};

using TlsContext = boost::asio::ssl::context;
// Of TCP or of a unix-domain socket.
using StreamSocket = boost::asio::generic::stream_protocol::socket;

// `tls` is null for plain HTTP; it must outlive the socket.
[[nodiscard]] std::unique_ptr<HttpSocket> make_http_socket(StreamSocket socket, TlsContext* tls);

}  // namespace meshflow::net
