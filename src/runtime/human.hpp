// People in the loop: what is asked, who decided, and what a decision means for a gate.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meshflow/runtime/run.hpp"
#include "runtime/gates.hpp"
#include "runtime/run_state.hpp"

namespace meshflow::runtime {

// What a person is asked about.
struct Question {
  std::string_view node_id;
  const GateVerdict& verdict;        // the human gate's, pending
  std::string_view content;          // what is shown, and what the decision is bound to by its digest
  std::string_view role = {};        // of the agent whose work it is
  std::optional<Risk> risk = {};     // of the action
  telemetry::SpanId gate_span = {};  // the span of the verdict
};
[[nodiscard]] PendingRequest make_request(const RunState& run, const Question& question);

// Decision::by of a request that nobody decided in time.
inline constexpr std::string_view kExpired = "nobody (expired)";

// Asks the program's own approver, where it has one; nothing where a person has to be waited for.
[[nodiscard]] std::optional<Decision> ask_approver(const RunState& run, const PendingRequest& request);

}  // namespace meshflow::runtime
