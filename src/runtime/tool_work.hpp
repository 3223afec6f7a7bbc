// What is called under a tool's span: a tool of the user's, an HTTP request, a tool of an MCP server.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "meshflow/telemetry/attribute.hpp"
#include "meshflow/telemetry/span.hpp"
#include "runtime/call_state.hpp"

namespace meshflow::runtime {

// What becomes known of a call while it is made, for its span. Thread-safe: the work writes on a thread of its own, and
// goes on doing so after it was given up.
class CallFacts {
 public:
  void set(std::string key, telemetry::AttributeValue value) {
    const std::lock_guard lock(mutex_);
    attributes_.push_back({std::move(key), std::move(value)});
  }
  // error.type of the span, where the error's code is not the best name for it.
  void set_error_type(std::string type) {
    const std::lock_guard lock(mutex_);
    error_type_ = std::move(type);
  }
  // What the server asks to wait before another try.
  void set_retry_after(std::chrono::nanoseconds pause) {
    const std::lock_guard lock(mutex_);
    retry_after_ = pause;
  }
  [[nodiscard]] telemetry::Attributes attributes() const {
    const std::lock_guard lock(mutex_);
    return attributes_;
  }
  [[nodiscard]] std::string error_type() const {
    const std::lock_guard lock(mutex_);
    return error_type_;
  }
  [[nodiscard]] std::chrono::nanoseconds retry_after() const {
    const std::lock_guard lock(mutex_);
    return retry_after_;
  }

 private:
  mutable std::mutex mutex_;
  telemetry::Attributes attributes_;
  std::string error_type_;
  std::chrono::nanoseconds retry_after_{0};
};

// Constant once made. Shared: a call that was given up may outlive its run.
struct ToolWork {
  std::shared_ptr<const Tool> tool;  // its name, description and risk
  const char* type = "function";  // gen_ai.tool.type
  telemetry::SpanKind kind = telemetry::SpanKind::internal;
  std::string who;  // "the tool search", "node fetch": begins messages
  std::string circuit;  // of the circuit breaker
  int tries = 1;
  std::chrono::nanoseconds limit{0};  // of one try; 0: none
  telemetry::Attributes attributes = {};  // known before the call
  // Begins one try, on the run's strand.
  std::function<Task<Result<std::string>>(std::shared_ptr<Callee>, std::shared_ptr<CallFacts>)> start;
};

// Asks whether it may act, then makes the call, each try with its span and its row in the ledger. `arguments`: JSON.
// Called on the run's strand, and returns on it.
Task<Result<std::string>> execute_tool(std::shared_ptr<CallState> call, std::shared_ptr<const ToolWork> work,
                                       std::string arguments, std::string tool_call_id);

}  // namespace meshflow::runtime
