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

// Runs `agent` for `call`, whose `span` it replaces by the agent's own. `parent`: the node's span, or the span of the
// agent or tool that called; the gates hang there too. `outer`: what cancels it. On the strand.
Task<AgentOutcome> execute_agent(std::shared_ptr<CallState> call, std::shared_ptr<const Agent> agent,
                                 telemetry::Context parent, Cancellation& outer, std::chrono::nanoseconds limit);

// An agent called by another one or by a tool. A block comes back as an Error of code blocked.
Task<Result<AgentReply>> call_agent(std::shared_ptr<CallState> caller, std::string agent_id, std::string task);

}  // namespace meshflow::runtime
