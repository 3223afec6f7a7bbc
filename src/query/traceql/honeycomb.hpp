// Honeycomb's query specification as TraceQL.
#pragma once

#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

inline constexpr std::size_t kHoneycombBytesMax = 64 * 1024;

// The query that `json` asks for: one filter, as in the lesson ({"column": "span.cost_usd", "op": ">", "value": 0.01}),
// a list of them, or a specification with `filters`, `filter_combination`, one of `calculations`, `breakdowns` and
// `limit`. Columns that Honeycomb has for what is no attribute (name, duration_ms, service.name, trace.trace_id, …) are
// that; others are attributes, of the scope before their first dot where there is one. invalid_input names what is not
// understood, unsupported what TraceQL lacks. Pure.
[[nodiscard]] Result<Query> query_of_honeycomb(std::string_view json);

}  // namespace meshflow::query::traceql
