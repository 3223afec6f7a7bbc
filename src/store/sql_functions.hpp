// SQL functions behind the views that people write SQL over (query/sql/views.hpp): the spans' ids, attributes, events
// and links in forms that can be documented, and text operations whose results are bounded, which stand in for
// DuckDB's own. Registered on every connection of the store.
//
//   trace_id_text(id UHUGEINT) → VARCHAR: 32 lower-case hex digits
//   span_id_text(id UBIGINT) → VARCHAR: 16 of them
//   span_attributes(order, trace_id, rest, the attribute columns in their order)
//       → STRUCT(key VARCHAR, type VARCHAR, value VARCHAR, number DOUBLE)[]: the span's attributes in their order
//   span_attribute(rest BLOB, key VARCHAR) → the same of one key of `rest`; at most one
//   span_events(rest BLOB) → STRUCT(time_ns UBIGINT, name VARCHAR, attributes VARCHAR)[]: attributes as a JSON object
//   span_links(rest BLOB) → STRUCT(trace_id VARCHAR, span_id VARCHAR, trace_state VARCHAR, attributes VARCHAR)[]
//   text_joined(a VARCHAR, b VARCHAR), text_replaced(text VARCHAR, part VARCHAR, by VARCHAR) → VARCHAR
//   text_is_like(text VARCHAR, pattern VARCHAR) → BOOLEAN: LIKE, in time proportional to text and pattern: DuckDB's own
//       takes for ever where a pattern has several '%' and a '_'
//
// A value's type is string, bool, int, double, bytes, array, kvlist or empty; its text as that of rest_string; number
// is NULL where it is neither int nor double.
#pragma once

#include <cstddef>

namespace meshflow::store {

// A text that a query makes, and all of those of 2,048 rows; longer: the query fails (limit_exceeded).
inline constexpr std::size_t kMadeTextBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kMadeTextsBytesMax = std::size_t{16} << 20;

}  // namespace meshflow::store
