// All traces that a TraceQL pipeline finds: for lists with a total, in whatever order.
#pragma once

#include <optional>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/trace_index.hpp"
#include "query/traceql/ast.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::traceql {

struct Matches {
  std::vector<IndexedTrace> traces;  // each once, in no order
  // Where not all was looked at: why. The newest were looked at first.
  std::optional<Error> cut_by = {};
};

// The same traces that search() finds, without a bound on how many. Errors: cancelled, invalid_input as of search(),
// the store's; timeout and limit_exceeded where nothing was found before (else `cut_by`). The pipeline must have passed
// check().
[[nodiscard]] Result<Matches> all_matches(store::Snapshot& snapshot, const Pipeline& pipeline, store::TimeRange range,
                                          const store::QueryLimits& limits = {});

}  // namespace meshflow::query::traceql
