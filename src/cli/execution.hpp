// Carrying a run in this process, with its progress, its end and what is said about it.
#pragma once

#include <functional>

#include "cli/records.hpp"
#include "cli/session.hpp"
#include "meshflow/runtime/mesh.hpp"
#include "meshflow/runtime/policy.hpp"

namespace meshflow::cli {

using CarryRun = std::function<Result<RunResult>(Mesh&, RunOptions)>;

// Makes a Mesh for `policy`, lets `carry` run something on it until it ends, pauses or is interrupted, and reports how:
// the result on standard output, progress, telemetry's losses and errors on standard error. The exit code.
[[nodiscard]] int carry_and_report(const Session& session, Policy policy, RunOptions options, const CarryRun& carry);

// Continues a paused and decided run from its checkpoint, and reports like the above.
[[nodiscard]] int continue_and_report(const Session& session, Records records, const runtime::RunRecord& run);

}  // namespace meshflow::cli
