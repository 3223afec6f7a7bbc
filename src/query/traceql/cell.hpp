// A value while a query runs: what a field of a span is, and what expressions make of it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "otlp/model.hpp"
#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

struct Cell;

// An attribute's array.
struct Array {
  std::vector<Cell> of;
  friend bool operator==(const Array&, const Array&);
};
// What a span's events or links have, one for each of them: a comparison with one of them is enough.
struct Several {
  std::vector<Cell> of;
  friend bool operator==(const Several&, const Several&);
};

// Bytes or a list of keys: a value that compares with none. Its JSON.
struct Opaque {
  std::string json;
  friend bool operator==(const Opaque&, const Opaque&) = default;
};

// std::monostate: nil. Ordered by nothing; equal where type and value are.
struct Cell {
  std::variant<std::monostate, bool, std::int64_t, double, Duration, Status, Kind, std::string, Array, Several, Opaque>
      value;

  [[nodiscard]] bool is_nil() const { return std::holds_alternative<std::monostate>(value); }
  friend bool operator==(const Cell&, const Cell&) = default;
};
inline bool operator==(const Array& a, const Array& b) { return a.of == b.of; }
inline bool operator==(const Several& a, const Several& b) { return a.of == b.of; }

[[nodiscard]] Cell cell_of(const Value& literal);
// Pure.
[[nodiscard]] Cell cell_of(const otlp::AnyValue& value);
[[nodiscard]] Cell status_cell(std::int32_t otlp_status);
[[nodiscard]] Cell kind_cell(std::int32_t otlp_kind);

// Integers, doubles and durations, the latter in nanoseconds. Nothing else is a number.
[[nodiscard]] bool is_number(const Cell& cell);
[[nodiscard]] double number_in(const Cell& cell);  // NaN for what is none

// The operator that asks the same with the operands' places exchanged.
[[nodiscard]] ComparisonOperator flipped(ComparisonOperator op);
// TraceQL's comparisons but =~ and !~. Values of types that do not compare are neither equal nor unequal nor ordered.
// One of Several is enough; of an array's elements too, but != wants all of them. Pure.
[[nodiscard]] bool compare(const Cell& left, ComparisonOperator op, const Cell& right);
// Nil where an operand is no number, for a division of integers by zero, and for their remainder. Integers stay
// integers and wrap round; all else is computed in doubles. Pure.
[[nodiscard]] Cell calculate(const Cell& left, ArithmeticOperator op, const Cell& right);
[[nodiscard]] Cell negate(const Cell& operand);

// As text that tells types apart: equal texts are equal values. For keys of groups.
[[nodiscard]] std::string key_of(const Cell& cell);
// As people read it: text as it is, 12, 0.5, 1.5s, true, ok, server, ["a","b"]; "nil".
[[nodiscard]] std::string text_of(const Cell& cell);

}  // namespace meshflow::query::traceql
