// Agents, tools and models: what a user's program brings.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/policy.hpp"
#include "meshflow/runtime/task.hpp"
#include "meshflow/runtime/usage.hpp"
#include "meshflow/telemetry/tracer.hpp"

namespace meshflow {

enum class AgentRole { orchestrator, planner, researcher, executor, critic, guardian };
[[nodiscard]] std::string_view name_of(AgentRole role) noexcept;
[[nodiscard]] std::optional<AgentRole> agent_role_from(std::string_view name) noexcept;

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON
};

struct Message {
  enum class Author { system, user, assistant, tool };
  Author author = Author::user;
  std::string content = {};
  std::string tool_call_id = {};             // of a tool's result
  std::vector<ToolCall> tool_calls = {};     // of an assistant's message
};

struct ToolDescription {
  std::string name;
  std::string description;
  std::string parameters_schema;  // JSON Schema; empty: any object
};

struct ModelRequest {
  std::string model = {};  // empty: the node's, else the provider's default
  std::vector<Message> messages = {};
  std::vector<ToolDescription> tools = {};
  std::optional<std::int64_t> max_tokens = std::nullopt;
  std::optional<double> temperature = std::nullopt;
  std::optional<double> top_p = std::nullopt;
};

struct ModelReply {
  std::string text = {};
  std::string model = {};  // that answered
  std::string id = {};
  std::string finish_reason = "stop";
  std::vector<ToolCall> tool_calls = {};
  // What was used. Without it the call fails: a run whose cost is unknown cannot be held to a budget.
  std::optional<Tokens> tokens = std::nullopt;
  std::optional<std::int64_t> cost_nano_usd = std::nullopt;  // where the provider states it; else the price table
  // What answering took at the server, its accelerators and host, in microwatt-hours, where the provider measures it.
  // Without it the energy is estimated from the tokens.
  std::optional<std::int64_t> energy_microwatt_hours = std::nullopt;
  std::optional<double> uncertainty = std::nullopt;          // 0 certain … 1
  std::optional<std::int64_t> time_to_first_chunk_nanos = std::nullopt;
};

class AgentContext;

// Answers model calls. Called from several threads at once.
class ModelProvider {
 public:
  virtual ~ModelProvider() = default;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;  // gen_ai.provider.name
  [[nodiscard]] virtual std::string default_model() const = 0;
  [[nodiscard]] virtual std::string server_address() const { return {}; }
  [[nodiscard]] virtual int server_port() const { return 0; }
  // `context` is the model call's own: its span for headers to a service, sleep, is_cancelled. `request.model` is set.
  // Errors of code unavailable and timeout are tried again as the policy says; others are final.
  [[nodiscard]] virtual Task<Result<ModelReply>> complete(AgentContext& context, ModelRequest request) = 0;
};

struct AgentReply {
  std::string output;
  std::optional<double> uncertainty = std::nullopt;  // default: the largest of the agent's model calls
};

class CallState;  // private

// What an agent or a tool sees of its run while it is called. Valid until its function returns or its coroutine ends.
// Every method may be called from any thread.
class AgentContext {
 public:
  explicit AgentContext(CallState& state) noexcept : state_(&state) {}

  [[nodiscard]] const std::string& run_id() const noexcept;
  [[nodiscard]] const std::string& node_id() const noexcept;
  [[nodiscard]] const std::string& agent_id() const noexcept;  // the tool's caller, for a tool
  [[nodiscard]] AgentRole role() const noexcept;
  [[nodiscard]] const std::string& task() const noexcept;  // the run's, or what call_agent was given
  // The outputs of the nodes before this one, joined; for a tool its arguments (JSON).
  [[nodiscard]] const std::string& input() const noexcept;
  // The output of a node that has run; empty otherwise.
  [[nodiscard]] std::string output_of(std::string_view node_id) const;

  // One model call, with its span, price and budget check before it is paid for.
  [[nodiscard]] Task<Result<ModelReply>> call_model(ModelRequest request);
  // One call of a registered tool (`arguments`: JSON). Risky tools may wait for a person first.
  [[nodiscard]] Task<Result<std::string>> call_tool(std::string name, std::string arguments);
  // Another agent, as a child of this one, under the same budgets and gates.
  [[nodiscard]] Task<Result<AgentReply>> call_agent(std::string agent_id, std::string task);
  // Waits without holding a thread; cancelled with the run.
  [[nodiscard]] Task<Result<void>> sleep(std::chrono::nanoseconds duration);

  [[nodiscard]] bool is_cancelled() const noexcept;
  // Calls `tell` once when this call is cancelled or its time is up, on a scheduler thread; at once where it already
  // is. Never, once the call has ended: `tell` is then destroyed.
  void on_cancel(std::function<void()> tell) const;
  // For spans of the caller's own, and for headers to other services.
  [[nodiscard]] const telemetry::Context& trace_context() const noexcept;
  [[nodiscard]] telemetry::Span start_span(std::string_view name) const;

  // For plain functions (not coroutines): runs a task and blocks until it is done:
  // `auto reply = ctx.wait(ctx.call_model({…}));`. In a coroutine it would wait for itself: std::logic_error.
  template <typename T>
  T wait(Task<T> task);

 private:
  void block_until(Task<void> task);
  CallState* state_;
};

// A plain function runs on a thread of its own pool and may block; a coroutine runs on the scheduler and must not.
using AgentFunction = std::function<Result<AgentReply>(AgentContext&)>;
using AgentCoroutine = std::function<Task<Result<AgentReply>>(AgentContext&)>;
using ToolFunction = std::function<Result<std::string>(AgentContext&)>;
using ToolCoroutine = std::function<Task<Result<std::string>>(AgentContext&)>;

// Without a body an agent asks its model, with its prompt and tools, until the model asks for no more tools.
struct Agent {
  std::string id;
  AgentRole role = AgentRole::executor;
  std::string prompt = {};
  std::string model = {};
  std::vector<std::string> tools = {};
  std::string description = {};
  std::string version = {};
  std::variant<std::monostate, AgentFunction, AgentCoroutine> body = {};
};

struct Tool {
  std::string name;
  std::string description = {};
  Risk risk = Risk::read_only;
  std::string parameters_schema = {};
  std::variant<ToolFunction, ToolCoroutine> body;
};

template <typename T>
T AgentContext::wait(Task<T> task) {
  std::optional<T> value;
  std::exception_ptr thrown;
  // The coroutine's frame keeps references to this function's locals, which outlive it: block_until returns after it.
  const auto collect = [](Task<T> inner, std::optional<T>& out, std::exception_ptr& failure) -> Task<void> {
    try {
      out.emplace(co_await std::move(inner));
    } catch (...) {
      failure = std::current_exception();
    }
  };
  block_until(collect(std::move(task), value, thrown));
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*value);
}

}  // namespace meshflow
