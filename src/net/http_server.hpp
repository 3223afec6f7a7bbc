// An HTTP/1.1 server: bounded in time and size, handlers that may answer later from any thread.
//
// What it keeps from a handler: the Host check (against DNS rebinding), the token, CORS, Expect: 100-continue, chunked
// and compressed bodies (gzip, zstd, deflate), every limit below, HEAD, slow clients. Pipelined requests are answered
// one after the other, in order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "net/http_message.hpp"
#include "net/io_threads.hpp"
#include "net/listen_address.hpp"

namespace meshflow::net {

// A body that is sent piece by piece, each when it is ready (chunked transfer encoding). A handle: copies mean the same
// stream. Each method may be called by any thread. When the last copy goes without end(), the connection is closed
// without the final chunk, so that the client notices.
class HttpStream {
 public:
  // Queues a piece. False, with nothing queued, where the client is gone or the pieces that wait to be sent have passed
  // HttpServerLimits::stream_bytes_max: a producer that must not lose waits for room, one that may (events) skips.
  [[nodiscard]] bool write(std::string piece);
  // Waits until write() would take a piece; false where the client is gone or `limit` has passed. Not on an IoThread.
  [[nodiscard]] bool wait_for_room(std::chrono::milliseconds limit);
  // False once the client is gone, the server has been stopped, or end() was called.
  [[nodiscard]] bool is_open() const;
  // The body is whole.
  void end();

  class State;
  explicit HttpStream(std::shared_ptr<State> state);

 private:
  std::shared_ptr<State> state_;  // shared with the connection
};

// The way to answer one request. A handle: copies mean the same answer, the first one given counts, later ones are
// ignored. Each method may be called by any thread, also after the server was destroyed. When the last copy goes
// without an answer, the client gets 500 (503 while the server stops).
class HttpResponder {
 public:
  // A large reply is compressed here, on the calling thread.
  void send(HttpReply reply) const;
  // An error in the form that the server's `render_error` gives it; `sentence` is for people. `headers` are added.
  void fail(int status, std::string_view sentence, HttpHeaders headers = {}) const;
  // False where the client has gone, which is noticed within a second or so: work that takes its time need not go on. A
  // client that ends its sending side while it waits is taken for gone.
  [[nodiscard]] bool is_wanted() const;
  // Sends the head now (`head.body` is the first piece, if any) and the rest as it comes.
  [[nodiscard]] HttpStream stream(HttpReply head) const;

  class Exchange;
  explicit HttpResponder(std::shared_ptr<Exchange> exchange);

 private:
  std::shared_ptr<Exchange> exchange_;  // shared with the connection
};

// Called on an IoThread; must return soon (see WorkerPool). An exception becomes 500.
using HttpHandler = std::function<void(HttpServerRequest, HttpResponder)>;

// How an error looks on the wire. `request` has no body, and what could not be parsed is empty. Pure; any thread.
using HttpErrorRenderer =
    std::function<HttpReply(const HttpServerRequest& request, int status, std::string_view sentence)>;

// {"error": {"code": 404, "message": "…"}}, the default.
[[nodiscard]] HttpReply render_json_error(const HttpServerRequest& request, int status, std::string_view sentence);

// What a server accepts. Past a size comes 431 or 413, past a number 503 with Retry-After, past a time the connection
// ends (408 where a request had begun).
struct HttpServerLimits {
  // Request line and headers. Searches carry their tags as JSON in the query.
  std::size_t header_bytes_max = std::size_t{64} << 10;
  // As received, and after decompression (OTLP: 64 MiB both).
  std::size_t body_bytes_max = std::size_t{64} << 20;
  std::size_t decoded_body_bytes_max = std::size_t{64} << 20;
  // All bodies that are being read or whose request is not answered yet, together: what bounds memory under load.
  std::size_t bodies_bytes_max = std::size_t{192} << 20;
  std::size_t connections_max = 512;
  // Requests that a handler has and has not answered.
  std::size_t requests_max = 256;
  // Pieces of one HttpStream that wait to be sent.
  std::size_t stream_bytes_max = std::size_t{1} << 20;
  // A reply at least so long is compressed where the client accepts gzip.
  std::size_t compressed_reply_bytes_min = std::size_t{4} << 10;

  // Between two requests of a connection, and before the first.
  std::chrono::milliseconds idle_timeout{75'000};
  // From a request's first byte to the end of its headers; TLS handshake.
  std::chrono::milliseconds header_timeout{10'000};
  // A body must arrive at 64 KiB/s or faster, with this much patience on top.
  std::chrono::milliseconds body_timeout{20'000};
  // A client must take some bytes of the answer at least so often.
  std::chrono::milliseconds write_timeout{20'000};
  // What a client is told to wait (Retry-After) where a number is passed.
  std::chrono::seconds retry_after{1};
};

// PEM files. Read by listen().
struct HttpServerTls {
  std::string certificate_file = {};  // with its chain; empty: no TLS
  std::string key_file = {};  // empty: the key is in the certificate file
};

struct HttpServerReadiness {
  bool is_ready = true;
  std::string reason = {};  // a sentence where it is not: "replaying the log, 40 % done"
};

// Whether a request, without its body, may do without the token. Called on an IoThread; must return soon.
using HttpAdmits = std::function<bool(const HttpServerRequest& head)>;

struct HttpServerOptions {
  std::string name = {};  // the listener's, for messages: "otlp-http"
  ListenAddress address = {};
  // Not empty: it listens on a unix-domain socket of that path, with mode 0600, instead of `address`. What lies there
  // before is replaced; the file is removed by stop().
  std::string unix_socket_path = {};
  HttpServerTls tls = {};
  HttpServerLimits limits = {};
  // Names, beside `localhost` and IP literals, by which clients may call this server (Host); "*": any.
  std::vector<std::string> allowed_hosts = {};
  // Origins ("https://grafana.example") whose pages may call it (CORS); "*": any. Empty: none.
  std::vector<std::string> cors_origins = {};
  // Not empty: every request but GET /ready needs `Authorization: Bearer TOKEN`.
  std::string bearer_token = {};
  // Asked about requests that do not have it; empty: none may do without.
  HttpAdmits admits = {};
  // Consent to a non-loopback address without a token.
  bool insecure_public = false;
  // What GET /ready says (200 "ready", or 503 and the reason). Called on an IoThread. Empty: always ready.
  std::function<HttpServerReadiness()> readiness = {};
  HttpErrorRenderer render_error = render_json_error;
  // Not empty: a plain connection that begins as HTTP/2 does (RFC 9113, section 3.4) is this function's, with nothing
  // read of it: it owns the descriptor, which does not block. What the server keeps from a handler it keeps not from
  // it. Called on an IoThread; must return soon.
  std::function<void(int socket)> take_http2 = {};
};

// Counted since listen().
struct HttpServerStats {
  std::uint64_t connections = 0;  // accepted
  std::uint64_t connections_open = 0;  // now
  std::uint64_t requests = 0;  // handed to the handler
  std::uint64_t requests_open = 0;  // now
  std::uint64_t refused = 0;  // answered by the server itself with an error, for whatever reason
  std::uint64_t timeouts = 0;  // connections ended for being slow
  std::uint64_t body_bytes = 0;  // of bodies, as received
};

// One listener. Each method may be called by any thread that is not an IoThread.
class HttpServer {
 public:
  // Listens and answers from now on, on `threads`. Errors: an address that is taken or that check_may_listen refuses,
  // TLS files that cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(IoThreads& threads, HttpServerOptions options,
                                                                  HttpHandler handler);
  // stop() with no time to finish.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Where it listens, with the port that was given by the kernel; that of the options for a unix-domain socket.
  [[nodiscard]] const ListenAddress& address() const noexcept;
  [[nodiscard]] HttpServerStats stats() const;

  // Accepts nothing more, ends idle connections, and waits up to `limit` for the requests that have begun; then every
  // connection is closed. True where all were answered. The handler is not called after this. Idempotent.
  bool stop(std::chrono::milliseconds limit);

  class Implementation;

 private:
  explicit HttpServer(std::shared_ptr<Implementation> implementation);
  std::shared_ptr<Implementation> implementation_;  // shared with its connections while they end
};

}  // namespace meshflow::net
