// One execution of an agent, with its span, its limits and the gates that judge what it answered.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "meshflow/runtime/agent.hpp"
#include "runtime/call_state.hpp"
#include "runtime/gates.hpp"

namespace meshflow::runtime {

// What became of an agent's execution.
struct AgentOutcome {
  AgentReply reply;                     // what it answered; of a blocked agent too
  std::optional<Error> error;           // it failed
  std::optional<GateVerdict> blocked;   // a gate blocked it
  std::optional<GateVerdict> person;    // a gate wants a person to decide
  telemetry::Context span;
  Usage usage;
};

// Runs `call`'s agent; the agent's own span replaces `call->span`. `parent`: the node's span, or the span of the agent
// or tool that called, which outlives the task; the gates hang there too. `outer`: what cancels it. On the strand. The
// outcome is held by pointer: it is large, and each coroutine on its way would keep room for it while the agent waits.
Task<std::unique_ptr<AgentOutcome>> execute_agent(std::shared_ptr<CallState> call, const telemetry::Context& parent,
                                                  Cancellation& outer, std::chrono::nanoseconds limit);

// An agent called by another one or by a tool. A block comes back as an Error of code blocked.
Task<Result<AgentReply>> call_agent(std::shared_ptr<CallState> caller, std::string agent_id, std::string task);

}  // namespace meshflow::runtime
