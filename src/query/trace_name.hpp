// Which trace a person means: by id, by the beginning of one, by its run, or the newest.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// `last`: the trace whose newest span starts latest. `run_…`: the trace of that run id, or of the only one that begins
// so. Hex digits in either case: the trace id, a 64-bit one in 16 digits, or the only trace id that begins so. Errors:
// invalid_argument (no such form, or several traces fit, of which the Error names some), not_found, and the snapshot's.
[[nodiscard]] Result<otlp::TraceId> find_trace(store::Snapshot& snapshot, std::string_view name,
                                               const store::QueryLimits& limits = {});

// The ids of up to `count` traces that come after `after`, in the order of their ids; all where it is nothing.
[[nodiscard]] Result<std::vector<otlp::TraceId>> trace_ids_after(store::Snapshot& snapshot,
                                                                 const std::optional<otlp::TraceId>& after,
                                                                 std::size_t count,
                                                                 const store::QueryLimits& limits = {});

}  // namespace meshflow::query
