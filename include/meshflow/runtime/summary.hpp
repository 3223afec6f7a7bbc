// A run's result as text for people, in the layout of the console's spans: `key : value`.
#pragma once

#include <cstdint>
#include <string>

#include "meshflow/runtime/run.hpp"

namespace meshflow {

// run_id, trace_id, run_status, spans with a line for each name, cost_usd, total_tokens, carbon_g, blocked with a line
// for each block, and where to look. Ends with a newline.
[[nodiscard]] std::string summary_text(const RunResult& result);

// Nano-units as a decimal, exact, without trailing zeros: 2400000 is "0.0024".
[[nodiscard]] std::string nano_text(std::int64_t nanos);

}  // namespace meshflow
