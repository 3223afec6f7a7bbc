// The store's index of traces, as a query reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "store/snapshot.hpp"
#include "store/value.hpp"

namespace meshflow::query {

// A trace, and between which start times its spans lie, both included.
struct IndexedTrace {
  store::U128 trace_id;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const IndexedTrace&, const IndexedTrace&) = default;
};

// A SELECT of trace_id, first and last: a row or a few for each trace, of what is in memory one for each span. `first`
// and `last` are starts of spans. Empty where the store is.
[[nodiscard]] std::string trace_index_sql(const store::Snapshot& snapshot);

// Every trace of which a span starts in the range, each once, in no order.
[[nodiscard]] Result<std::vector<IndexedTrace>> all_traces(store::Snapshot& snapshot, store::TimeRange range,
                                                           const store::QueryLimits& limits = {});

}  // namespace meshflow::query
