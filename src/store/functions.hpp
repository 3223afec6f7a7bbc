// SQL functions that look into `rest` (a BLOB of an OTLP message) and at trace ids. Registered on every connection of
// the store; they read bytes in place and are safe in parallel.
//
//   rest_text(rest BLOB, key VARCHAR)   → VARCHAR: the span attribute of that key where it is a string; else NULL
//   rest_int(rest BLOB, key VARCHAR)    → BIGINT: likewise, where it is an integer
//   rest_double(rest BLOB, key VARCHAR) → DOUBLE: likewise, where it is a double
//   rest_bool(rest BLOB, key VARCHAR)   → BOOLEAN
//   rest_string(rest BLOB, key VARCHAR) → VARCHAR: the value of any type as Jaeger shows it: text as it is, "true",
//       decimal integers, doubles in their shortest form, bytes in base64, arrays and lists as JSON; NULL without the
//       key
//   rest_event_has(rest BLOB, key VARCHAR, text VARCHAR) → BOOLEAN: an event has the attribute with that rest_string;
//       key "event" is also the event's name, where no attribute is called so, as in Jaeger's logs; a double also reads
//       as its first ten digits
//   rest_keys(rest BLOB) → VARCHAR[]: the keys of the span attributes in it
//   rest_holds(rest BLOB, predicate VARCHAR) → BOOLEAN: whether a predicate (rest.hpp) holds; false for NULL
//   rest_columns(rest BLOB) → UBIGINT: columns_in_rest (rest.hpp)
//   rest_value(rest BLOB, key VARCHAR) → VARCHAR: rest_string with the type before it: s text, b truth value, i
//       integer, d double, j all else
//   is_one_of(trace_id UHUGEINT, ids BLOB) → BOOLEAN: the id is among the ids, 16 bytes each, sorted. A condition that
//       DuckDB hands to its scan, which it does not do with IN: that reads every row of the other conditions whole.
#pragma once

#include <string>
#include <vector>

#include "store/value.hpp"

namespace meshflow::store {

// "rest_text", …: the names above, for who writes SQL.
inline constexpr const char* kRestText = "rest_text";
inline constexpr const char* kRestInt = "rest_int";
inline constexpr const char* kRestDouble = "rest_double";
inline constexpr const char* kRestBool = "rest_bool";
inline constexpr const char* kRestString = "rest_string";
inline constexpr const char* kRestEventHas = "rest_event_has";
inline constexpr const char* kRestKeys = "rest_keys";
inline constexpr const char* kRestHolds = "rest_holds";
inline constexpr const char* kRestColumns = "rest_columns";
inline constexpr const char* kRestValue = "rest_value";
inline constexpr const char* kIsOneOf = "is_one_of";

// The second argument of is_one_of, as a literal. `trace_ids` in any order.
[[nodiscard]] std::string ids_literal(std::vector<U128> trace_ids);

}  // namespace meshflow::store
