// Expressions over one span, values and fields: what stands inside { } and inside functions.
#pragma once

#include "query/traceql/ast.hpp"
#include "query/traceql/token_stream.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {

// Reads from a stream that outlives it. One thread.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  [[nodiscard]] Outcome<Grown<Expression>> expression() { return operators(Power::none); }
  [[nodiscard]] Outcome<Field> field();
  // A value of any type; numbers and durations with or without "-".
  [[nodiscard]] Outcome<Literal> literal(std::string_view wanted = "a value");
  // Whether the next token can begin a field.
  [[nodiscard]] bool at_field() const;
  // What the next token, which is no operator between fields, was probably meant to be; may be empty.
  [[nodiscard]] std::string operator_hint() const;

 private:
  [[nodiscard]] Outcome<Grown<Expression>> operators(Power above);
  [[nodiscard]] Outcome<Grown<Expression>> operand();
  [[nodiscard]] Outcome<Grown<Expression>> prefix(UnaryOperator op);
  [[nodiscard]] Outcome<Grown<Expression>> parentheses();
  [[nodiscard]] Outcome<Grown<Expression>> nil_on_the_left();
  [[nodiscard]] tl::unexpected<Problem> unknown_name(const Token& token) const;

  TokenStream& tokens_;
};

// The value of a number or duration token, negated or not; nothing where it does not fit.
[[nodiscard]] std::optional<Value> number_value(const Token& token, bool is_negative);
// The negation of an integer, real or duration; nothing for other values and where it does not fit.
[[nodiscard]] std::optional<Value> negated(const Value& value);

}  // namespace meshflow::query::traceql
