// The newest traces with a span that fits a condition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/condition.hpp"
#include "store/snapshot.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {

struct TraceSearch {
  Condition condition;
  store::TimeRange range;  // within which the span that fits starts, nanoseconds
  std::size_t traces_max = 20;
  friend bool operator==(const TraceSearch& a, const TraceSearch& b) {
    return a.condition == b.condition && a.range.from == b.range.from && a.range.to == b.range.to &&
           a.traces_max == b.traces_max;
  }
};

struct FoundTrace {
  otlp::TraceId trace_id{};
  std::uint64_t start = 0;  // of the newest span that fits
  friend bool operator==(const FoundTrace&, const FoundTrace&) = default;
};

// Those traces_max traces whose newest span that fits starts latest, newest first, each once; the same order every time
// (equal starts: by trace id). It reads from the newest spans backwards, in steps that grow, and stops where older ones
// cannot matter. A condition that asks for one trace id, or for a span's meshflow.run_id, as one of the conditions that
// must all hold, reads the store's indexes and those traces only. Errors are the snapshot's, and compile()'s.
// `limits.time_max` counts for all of it.
[[nodiscard]] Result<std::vector<FoundTrace>> find_traces(store::Snapshot& snapshot, const TraceSearch& search,
                                                          const store::QueryLimits& limits = {});

// Start times from which on about `spans` spans lie that start up to `end`, supposing that each piece's spans are
// spread evenly. Pure.
[[nodiscard]] std::uint64_t window_start(std::span<const store::Piece> pieces, store::TimeRange range, double spans);

using store::number_of;
using store::trace_id_of;

}  // namespace meshflow::query
