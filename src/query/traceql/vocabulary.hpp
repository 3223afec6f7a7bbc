// The words and signs of TraceQL, in one place for lexer, parser, printer, completion and messages.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

struct IntrinsicName {
  std::string_view text;  // "name", "span:name"
  Intrinsic intrinsic;
  bool is_printed;  // of the spellings of one intrinsic, the one that print() takes
};
// In the order of documentation; those with a scope ("span:…") first.
[[nodiscard]] std::span<const IntrinsicName> intrinsic_names();
[[nodiscard]] std::optional<Intrinsic> intrinsic_of(std::string_view text);
[[nodiscard]] std::string_view text_of(Intrinsic intrinsic);
[[nodiscard]] Type type_of(Intrinsic intrinsic);

[[nodiscard]] std::string_view text_of(Status status);
[[nodiscard]] std::string_view text_of(Kind kind);
[[nodiscard]] std::string_view text_of(Scope scope);  // "span"; "" for any
[[nodiscard]] std::optional<Scope> scope_of(std::string_view text);  // not "", not "parent"
[[nodiscard]] std::string_view text_of(ArithmeticOperator op);
[[nodiscard]] std::string_view text_of(ComparisonOperator op);
[[nodiscard]] std::string_view text_of(LogicalOperator op);
[[nodiscard]] std::string_view text_of(UnaryOperator op);
[[nodiscard]] std::string_view text_of(SpansetOperator op);
[[nodiscard]] std::string_view text_of(AggregateFunction function);
[[nodiscard]] std::string_view text_of(MetricsFunction function);
// The operator that is written so; `last` is the last of its kind.
template <typename Enum>
[[nodiscard]] std::optional<Enum> operator_of(std::string_view sign, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (text_of(static_cast<Enum>(i)) == sign) return static_cast<Enum>(i);
  }
  return std::nullopt;
}
[[nodiscard]] std::optional<AggregateFunction> aggregate_of(std::string_view word);
// Not count, min, max, avg and sum, which are aggregates until it is known what follows them.
[[nodiscard]] std::optional<MetricsFunction> metrics_function_of(std::string_view word);
[[nodiscard]] MetricsFunction whole_result_of(AggregateFunction function);
// What a stage after "|" may begin with.
[[nodiscard]] std::span<const std::string_view> stage_words();
[[nodiscard]] bool takes_argument(MetricsFunction function);
[[nodiscard]] bool takes_quantiles(MetricsFunction function);

[[nodiscard]] Type type_of(const Value& value);
// For messages: "text", "an integer", "true or false".
[[nodiscard]] std::string_view words_for(Type type);
[[nodiscard]] inline bool is_number(Type type) {
  return type == Type::integer || type == Type::real || type == Type::duration;
}

// true, false, ok, error, unset, the kinds, minInt and maxInt.
[[nodiscard]] std::optional<Value> value_of(std::string_view word);
[[nodiscard]] std::span<const std::string_view> value_words();

// Bytes of a name that end an attribute's name, unless it is quoted.
[[nodiscard]] bool ends_attribute(char32_t character);

// What the words and signs of a binary operator between fields bind with; greater binds tighter. One table for parser
// and printer (docs/traceql-grammar.md).
enum class Power {
  none = 0,
  logical = 10,
  comparison = 20,
  sum = 30,
  negation = 40,
  product = 50,
  power = 60,
  atom = 70
};
[[nodiscard]] Power power_of(ArithmeticOperator op);
[[nodiscard]] Power power_of(SpansetOperator op);

}  // namespace meshflow::query::traceql
