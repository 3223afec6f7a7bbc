// What stands behind an AgentContext: one call of an agent, a tool or a model.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "meshflow/runtime/agent.hpp"
#include "runtime/graph.hpp"
#include "runtime/run_state.hpp"

namespace meshflow {

// Held by shared_ptr: a function that never returns keeps its call, and with it the run. Constant once made, but for
// `cancellation`, `uncertainty` and `usage`, which the run's strand touches.
class CallState : public std::enable_shared_from_this<CallState> {
 public:
  std::shared_ptr<runtime::RunState> run;
  std::string node_id;
  std::shared_ptr<const Agent>
      agent;  // that is called; null in a tool's or a model's call. Shared: it may outlive a run
  std::string agent_id;  // whose account model calls go to; empty in a tool node
  AgentRole role = AgentRole::executor;
  std::string task;
  std::string input;
  telemetry::Context node_span;  // where policy checks go
  telemetry::Context span;       // the agent's, the tool's or the model call's own
  std::string model;             // the agent's choice; empty: the provider's default
  int depth = 0;
  // The output of a node of the run's graph, asked on the strand.
  std::function<std::optional<std::string>(std::string_view)> output_of;
  std::shared_ptr<const runtime::ToolServers> tool_servers;  // of the node's workflow; null: none
  std::shared_ptr<CallState> account;  // the agent's call that a tool's model calls are counted in; null: this one

  runtime::Cancellation cancellation;  // attached to its caller's while the call is under way
  Usage usage;                        // of this call's own model calls
  std::optional<double> uncertainty;  // the largest of its model calls'
  bool may_act = false;  // a person has approved what this call's node does

  [[nodiscard]] runtime::WaitContext waiting() noexcept {
    return {run->services->scheduler, run->strand, cancellation};
  }
  // A call within this one: same run, node, task and permissions.
  [[nodiscard]] std::shared_ptr<CallState> inner() const {
    auto call = std::make_shared<CallState>();
    call->run = run;
    call->node_id = node_id;
    call->agent_id = agent_id;
    call->role = role;
    call->task = task;
    call->input = input;
    call->node_span = node_span;
    call->span = span;
    call->model = model;
    call->depth = depth + 1;
    call->output_of = output_of;
    call->tool_servers = tool_servers;
    call->may_act = may_act;
    return call;
  }
};

namespace runtime {

// What code of the user's is given, and what must live for as long as that code runs.
struct Callee {
  explicit Callee(std::shared_ptr<CallState> what) : call(std::move(what)), context(*call) {}
  std::shared_ptr<CallState> call;
  AgentContext context;
};

// Each is called and resumes on the run's strand, and keeps the call alive by its shared_ptr.
Task<Result<ModelReply>> call_model(std::shared_ptr<CallState> call, ModelRequest request);
// `limit`: of one try; 0: the policy's step_timeout_s.
Task<Result<std::string>> call_tool(std::shared_ptr<CallState> call, std::string name, std::string arguments,
                                    std::string tool_call_id, std::chrono::nanoseconds limit = {});

// The policy's limit of time for one step; 0: none.
[[nodiscard]] inline std::chrono::nanoseconds step_limit(const Policy& policy) noexcept {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(policy.step_timeout_s * 1e9));
}

}  // namespace runtime
}  // namespace meshflow
