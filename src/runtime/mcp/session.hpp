// One conversation with a server of the Model Context Protocol: which version it speaks, its tools, calls of them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "runtime/mcp/transport.hpp"

namespace meshflow::runtime::mcp {

// The version without a handshake, and those that begin with `initialize`, newest first.
inline constexpr std::string_view kVersion = "2026-07-28";
inline constexpr std::array<std::string_view, 4> kEarlierVersions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                                     "2024-11-05"};
inline constexpr std::size_t kToolsMax = 1000;
inline constexpr std::size_t kToolPagesMax = 100;
// A server over stdio that is silent for so long when asked which versions it speaks is taken for one of the earlier
// kind (or one that is slow to start: where it then refuses the handshake, it is asked once more).
inline constexpr std::chrono::seconds kDiscoverTime{5};

// A tool as the server tells of it.
struct ToolEntry {
  std::string name;
  std::string description;
  std::string input_schema;  // JSON
  // Arguments that go into headers too ("x-mcp-header"): the header's name, and where the argument is.
  struct HeaderArgument {
    std::string header;
    std::vector<std::string> path;
  };
  std::vector<HeaderArgument> header_arguments;
};

struct ToolCallRequest {
  std::string tool;
  std::string arguments;  // a JSON object
  Headers trace;          // traceparent, tracestate, baggage: for params._meta, and as headers over HTTP
};

// What is known of a call afterwards, whether it succeeded or not.
struct CallReport {
  std::string version;
  std::string session_id;
  std::int64_t request_id = 0;  // 0: it was not sent
  std::string tool_description;
};

// One thread at a time; `cancel` comes from any thread. Methods block until the deadline at most.
class Session {
 public:
  explicit Session(ServerAddress server);

  // The text of the tool's result. The first call also opens the session. A result that says isError is a Failure of
  // type tool_error, after which the session can be used.
  [[nodiscard]] Outcome<std::string> call_tool(const ToolCallRequest& request, Deadline deadline, CallReport& report);
  // The server's tools, asked anew; those whose definition is against the specification are left out.
  [[nodiscard]] Outcome<std::vector<ToolEntry>> list_tools(Deadline deadline);

  void cancel() noexcept;
  [[nodiscard]] bool is_alive() { return transport_->is_alive(); }
  void begin_stop() noexcept { transport_->begin_stop(); }

 private:
  void start_anew();
  [[nodiscard]] Outcome<void> open(Deadline deadline);
  [[nodiscard]] Outcome<bool> discover(Deadline deadline);
  [[nodiscard]] Outcome<void> initialize(Deadline deadline);
  [[nodiscard]] Outcome<boost::json::object> ask(std::string_view method, boost::json::object params, Deadline deadline,
                                                 std::string_view name = {}, Headers headers = {},
                                                 const Headers& trace = {});
  [[nodiscard]] Outcome<const ToolEntry*> find_tool(std::string_view name, Deadline deadline);
  [[nodiscard]] const ToolEntry* known_tool(std::string_view name) const noexcept;

  ServerAddress server_;
  std::string name_;
  std::mutex transport_mutex_;  // guards the pointer and the flag against cancel()
  std::unique_ptr<Transport> transport_;
  bool is_cancelled_ = false;
  std::string version_;  // empty: not open yet
  bool was_silent_ = false;  // when it was asked for its versions
  bool is_stateless_ = false;
  std::int64_t last_id_ = 0;
  std::optional<std::vector<ToolEntry>> tools_;
};

// Sessions between calls, for the next one to the same server: starting a program and shaking hands takes time.
// Thread-safe.
class SessionPool {
 public:
  // An idle session, or a new one. The caller has it for itself.
  [[nodiscard]] std::shared_ptr<Session> take(const ServerAddress& server);
  // After a call that left the session usable. Past kIdlePerServerMax or kIdleMax it ends.
  void give_back(const ServerAddress& server, std::shared_ptr<Session> session);
  // Ends all idle sessions, and those given back later; waits for their servers to end.
  void close();
  ~SessionPool() { close(); }
  SessionPool() = default;
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  static constexpr std::size_t kIdlePerServerMax = 4;
  static constexpr std::size_t kIdleMax = 64;

 private:
  struct Idle {
    std::string key;
    std::shared_ptr<Session> session;
  };
  std::mutex mutex_;
  std::vector<Idle> idle_;  // the one given back last is last
  bool is_closed_ = false;
};

}  // namespace meshflow::runtime::mcp
