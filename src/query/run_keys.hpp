// What rows of the list of runs are sorted by, read without the rest of the rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>

#include "meshflow/base/error.hpp"
#include "query/run_list.hpp"
#include "query/trace_index.hpp"

namespace meshflow::query {

// What a row says in a column: nothing, a number or a text.
using RunKey = std::variant<std::monostate, std::int64_t, std::string>;
[[nodiscard]] RunKey key_of(const TraceRow& row, RunColumn column);

using RunKeys = std::unordered_map<store::U128, RunKey, store::HashU128>;
// Of each of the traces: key_of() its row. Counts are DuckDB's; what the root says is read from spans without a parent
// and from runs; only traces of which these say nothing are read whole. Errors are the snapshot's.
[[nodiscard]] Result<RunKeys> keys_of(store::Snapshot& snapshot, std::span<const IndexedTrace> traces, RunColumn column,
                                      const store::QueryLimits& limits);

}  // namespace meshflow::query
