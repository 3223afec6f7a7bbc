// A PromQL expression as a tree of values: compare and copy it freely (docs/alerts.md says which part of PromQL this
// is).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshflow::query::promql {

// Where a part of the text begins; not a part of what it means.
struct Place {
  int line = 1;
  int column = 1;  // in characters
  friend bool operator==(const Place&, const Place&) { return true; }
};

enum class MatchKind { equal, not_equal, regex, not_regex };
struct Matcher {
  std::string label;
  MatchKind kind = MatchKind::equal;
  std::string value;
  friend bool operator==(const Matcher&, const Matcher&) = default;
};

enum class ValueType { scalar, vector, matrix, text };
[[nodiscard]] std::string_view name_of(ValueType type) noexcept;

enum class Operator {
  logical_or,
  logical_and,
  logical_unless,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  add,
  subtract,
  multiply,
  divide,
  modulo,
  power,
};
// "or", "==", "+", …
[[nodiscard]] std::string_view text_of(Operator op) noexcept;
[[nodiscard]] bool is_comparison(Operator op) noexcept;
[[nodiscard]] bool is_set_operation(Operator op) noexcept;

// on (a, b) or ignoring (a, b); by (a, b) or without (a, b).
struct LabelList {
  bool is_inclusive = true;  // on, by
  std::vector<std::string> labels;
  friend bool operator==(const LabelList&, const LabelList&) = default;
};

enum class ExprKind {
  number,     // `number`
  text,       // `name`: a string literal, for arguments that take one
  selector,   // `name` (may be empty), `matchers`, `range_ms` (0: an instant vector), `offset_ms`
  window,     // children[0] over the series of the last `range_ms`
  negate,     // -children[0]
  binary,     // children[0] `op` children[1], `returns_bool`, `labels` (how vectors are matched)
  aggregate,  // `name` `labels` (children): the last child is what is aggregated, one before it the parameter
  call,       // `name` (children)
};

struct Expr {
  ExprKind kind = ExprKind::number;
  ValueType type = ValueType::scalar;
  Place place = {};
  double number = 0;
  std::string name = {};
  std::vector<Matcher> matchers = {};
  std::int64_t range_ms = 0;
  std::int64_t offset_ms = 0;
  Operator op = Operator::add;
  bool returns_bool = false;
  std::optional<LabelList> labels = {};
  std::vector<Expr> children;  // no initializer: clang would need Expr whole here

  friend bool operator==(const Expr&, const Expr&) = default;
};

// The text of it, from which parse() makes an equal tree. Pure.
[[nodiscard]] std::string print(const Expr& expr);
// "1h30m", "5m", "1500ms".
[[nodiscard]] std::string print_duration(std::int64_t milliseconds);

}  // namespace meshflow::query::promql
