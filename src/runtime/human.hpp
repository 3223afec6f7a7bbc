// People in the loop: what is asked, who decided, and what a decision means for a gate.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meshflow/runtime/run.hpp"
#include "runtime/gates.hpp"
#include "runtime/run_state.hpp"

namespace meshflow::runtime {

// The request for a person about `content`, which is shown and whose digest the decision is bound to.
[[nodiscard]] PendingRequest make_request(const RunState& run, std::string_view node_id, std::string_view reason,
                                          std::string_view content);

// Decision::by of a request that nobody decided in time.
inline constexpr std::string_view kExpired = "nobody (expired)";

// Asks the program's own approver, where it has one; nothing where a person has to be waited for.
[[nodiscard]] std::optional<Decision> ask_approver(const RunState& run, const PendingRequest& request);

}  // namespace meshflow::runtime
