// What a server, its connections and the answers that are still owed share. Private to the room.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.hpp"

namespace meshflow::net {

// Immutable but for the counters. Thread-safe.
struct HttpCore {
  HttpCore(HttpServerOptions with, HttpHandler to) : options(std::move(with)), handler(std::move(to)) {}

  const HttpServerOptions options;
  const HttpHandler handler;

  std::atomic<bool> is_stopping{false};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> requests_open{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> timeouts{0};
  std::atomic<std::uint64_t> body_bytes{0};
  std::atomic<std::size_t> bodies_bytes{0};  // held now, by all requests

  // An error as `render_error` has it; an exception of its becomes a plain one.
  [[nodiscard]] HttpReply error(const HttpServerRequest& head, int status, std::string_view sentence) const;
  // The same with Retry-After.
  [[nodiscard]] HttpReply busy(const HttpServerRequest& head, std::string_view sentence) const;
};

// A part of HttpServerLimits::bodies_bytes_max, given back on destruction.
class BodyBudget {
 public:
  explicit BodyBudget(HttpCore& core) : core_(core) {}
  ~BodyBudget() { core_.bodies_bytes -= held_; }
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  // Holds `bytes` in all from now on; false, with what it held before, where that is not to be had.
  [[nodiscard]] bool hold(std::size_t bytes);

 private:
  HttpCore& core_;
  std::size_t held_ = 0;
};

// Whether a Host header ("localhost:4318", "[::1]", "127.0.0.1") names this server: localhost, an IP literal, or one of
// `names` ("*": any). Case and a trailing dot do not matter. Pure.
[[nodiscard]] bool is_allowed_host(std::string_view host, const std::vector<std::string>& names);

// What a request's own facts decide, before its body is read and without the handler: refusals, CORS preflights,
// GET /ready. Nothing: on to the handler. `head` has method, target and headers; its path and query are filled in.
[[nodiscard]] std::optional<HttpReply> answer_from_head(const HttpCore& core, HttpServerRequest& head,
                                                        bool is_http_1_0);

// A time as the Date header has it: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7). Pure.
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);

// The CORS headers that every answer to this request carries.
[[nodiscard]] HttpHeaders cors_headers(const HttpCore& core, const HttpServerRequest& head);

}  // namespace meshflow::net
