// How messages reach a server of the Model Context Protocol and come back: over the pipes of a child process, or over
// HTTP. The protocol itself is in session.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime::mcp {

// One message from the server. Above it comes an error: what a tool gives is held to the limit of outputs anyway.
inline constexpr std::size_t kMessageBytesMax = std::size_t{16} << 20;
// All that a server sends until it has answered one request, notifications included.
inline constexpr std::size_t kExchangeBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kMessageDepthMax = 64;

using Deadline = std::chrono::steady_clock::time_point;
using Headers = std::vector<std::pair<std::string, std::string>>;

// Where a server is, its templates filled in.
struct ServerAddress {
  std::string command;  // empty: `url` says where
  std::vector<std::string> args;
  Headers environment;
  std::string url;
  Headers headers;

  // The same server, the same text. Holds secrets: never shown.
  [[nodiscard]] std::string key() const;
  // "the MCP server python3", "the MCP server at example.com:8080": for messages.
  [[nodiscard]] std::string name() const;
};

// Why a request has no result.
struct Failure {
  Error error;
  std::string type = {};                              // error.type: "timeout", "-32602", "tool_error", "404"
  std::optional<std::int64_t> rpc_code = std::nullopt;  // of a JSON-RPC error
  int http_status = 0;                                // where HTTP refused it
  boost::json::object data = {};                      // of a JSON-RPC error
  bool was_sent = true;   // the server may have acted
  bool is_broken = true;  // the connection can't be used any more
};
template <typename T>
using Outcome = tl::expected<T, Failure>;

[[nodiscard]] tl::unexpected<Failure> failure(ErrorCode code, std::string message, std::string type = {});

struct Request {
  std::string_view method;
  std::string_view name = {};  // params.name of tools/call
  std::optional<std::int64_t> id = std::nullopt;  // none: a notification
  std::string text;            // the message as JSON, on one line
  Headers headers = {};        // that go along over HTTP
};

// One connection. One thread at a time; `cancel` comes from any thread.
class Transport {
 public:
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Sends a request and waits for its response: the whole message, with `result`. A response with `error` is a Failure.
  [[nodiscard]] virtual Outcome<boost::json::object> exchange(const Request& request, Deadline deadline) = 0;
  [[nodiscard]] virtual Outcome<void> notify(const Request& notification, Deadline deadline) = 0;
  // Makes the exchange that is under way, and every later one, fail at once.
  virtual void cancel() noexcept = 0;
  // False where the server is known to be gone.
  [[nodiscard]] virtual bool is_alive() = 0;
  // What every later message says of itself (HTTP): the protocol's version, once it is agreed on. `is_stateless`: of a
  // version that has no sessions.
  virtual void set_version(std::string_view version, bool is_stateless) = 0;
  [[nodiscard]] virtual std::string session_id() const = 0;  // empty: none
  // Begins the end without waiting for it, so that many can end at once; the destructor waits.
  virtual void begin_stop() noexcept = 0;

 protected:
  Transport() = default;
};

// Nothing is started before the first exchange.
[[nodiscard]] std::unique_ptr<Transport> make_stdio_transport(const ServerAddress& server);
[[nodiscard]] std::unique_ptr<Transport> make_http_transport(const ServerAddress& server);

// What a received text is. `id`: of the request that is waited for.
struct Received {
  enum class Kind { response, request, other };
  Kind kind = Kind::other;
  boost::json::object message;
};
// Fails where `text` is no JSON-RPC message.
[[nodiscard]] Outcome<Received> read_message(std::string_view text, std::optional<std::int64_t> id,
                                             const std::string& server_name);
// The response as it is, or the Failure that its `error` is.
[[nodiscard]] Outcome<boost::json::object> result_of(boost::json::object response, const std::string& server_name);

}  // namespace meshflow::runtime::mcp
