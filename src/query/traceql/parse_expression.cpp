#include "query/traceql/parse_expression.hpp"

#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.hpp"
#include "query/names.hpp"

namespace meshflow::query::traceql {
namespace {

struct InfixOperator {
  std::variant<LogicalOperator, ComparisonOperator, ArithmeticOperator> of;
  Power power;
};

std::optional<InfixOperator> infix_of(const Token& token) {
  if (token.kind != Token::Kind::sign) return std::nullopt;
  if (const auto op = operator_of(token.text, LogicalOperator::any)) return InfixOperator{*op, Power::logical};
  if (const auto op = operator_of(token.text, ComparisonOperator::matches_not)) {
    return InfixOperator{*op, Power::comparison};
  }
  if (const auto op = operator_of(token.text, ArithmeticOperator::power)) return InfixOperator{*op, power_of(*op)};
  return std::nullopt;
}

bool is_comparison(const Token& token) {
  const auto infix = infix_of(token);
  return infix && std::holds_alternative<ComparisonOperator>(infix->of);
}

// What people write who come from other languages: a word, and what it is here.
std::string_view hint_for_word(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kWords = {{
      {"and", "write \"&&\""},
      {"AND", "write \"&&\""},
      {"or", "write \"||\""},
      {"OR", "write \"||\""},
      {"not", "write !( … )"},
      {"NOT", "write !( … )"},
      {"is", "write \"=\""},
      {"IS", "write \"=\""},
      {"like", "write =~ \".*text.*\""},
      {"LIKE", "write =~ \".*text.*\""},
      {"in", "write =~ \"a|b\""},
      {"IN", "write =~ \"a|b\""},
  }};
  for (const auto& [each, hint] : kWords) {
    if (each == word) return hint;
  }
  return "";
}

// For "span:nam": the intrinsic that was probably meant, and the attribute.
std::string scoped_hint(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view scope = text.substr(0, colon);
  const std::string_view name = text.substr(colon);
  std::vector<std::string_view> known;
  std::string_view meant;
  for (const IntrinsicName& each : intrinsic_names()) {
    if (each.text.find(':') == std::string_view::npos) continue;
    known.push_back(each.text);
    if (each.text.ends_with(name) && meant.empty()) meant = each.text;  // the name of another scope
  }
  if (meant.empty()) meant = nearest_name(text, known);
  if (!meant.empty()) return fmt::format("did you mean {}?", meant);
  if (scope_of(scope)) return fmt::format("an attribute is written with a dot: {}.{}", scope, name.substr(1));
  return "before a colon stand trace, span, event, link and instrumentation";
}

}  // namespace

std::optional<Value> negated(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    if (*integer == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
    return Value(-*integer);
  }
  if (const auto* real = std::get_if<double>(&value)) return Value(-*real);
  if (const auto* duration = std::get_if<Duration>(&value)) return Value(Duration{-duration->nanos});
  return std::nullopt;
}

std::optional<Value> number_value(const Token& token, bool is_negative) {
  if (token.kind == Token::Kind::real) return Value(is_negative ? -token.real : token.real);
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  const bool is_integer = token.kind == Token::Kind::integer;
  if (token.integer > kMax) {
    if (!is_integer || !is_negative) return std::nullopt;
    return Value(std::numeric_limits<std::int64_t>::min());
  }
  const auto magnitude = static_cast<std::int64_t>(token.integer);
  const std::int64_t value = is_negative ? -magnitude : magnitude;
  return is_integer ? Value(value) : Value(Duration{value});
}

std::string ExpressionParser::operator_hint() const {
  const Token& token = tokens_.peek();
  if (token.kind == Token::Kind::word) return std::string(hint_for_word(token.text));
  if (token.is_sign("|")) return "\"|\" stands between stages, outside { }; \"or\" is \"||\"";
  if (token.kind == Token::Kind::sign && token.text.find_first_of("<>~") != std::string::npos) {
    return fmt::format("\"{}\" stands between sets of spans: {{ … }} {} {{ … }}", token.text, token.text);
  }
  return {};
}

Outcome<Literal> ExpressionParser::literal(std::string_view wanted) {
  const Place first = tokens_.peek().place;
  const bool is_negative = tokens_.take_sign("-");
  const Token& token = tokens_.peek();
  switch (token.kind) {
    case Token::Kind::integer:
    case Token::Kind::real:
    case Token::Kind::duration:
      if (auto value = number_value(token, is_negative)) {
        tokens_.take();
        return Literal{std::move(*value), tokens_.since(first)};
      }
      return tokens_.fail(token.place, fmt::format("{} does not fit 64 bits", tokens_.shown(token)),
                          "the greatest is maxInt, 9223372036854775807");
    case Token::Kind::string:
      if (!is_negative) return Literal{tokens_.take().text, tokens_.since(first)};
      break;
    case Token::Kind::word:
      if (is_negative) break;
      if (auto value = value_of(token.text)) {
        tokens_.take();
        return Literal{std::move(*value), tokens_.since(first)};
      }
      return unknown_name(token);
    default: break;
  }
  return tokens_.unexpected(wanted);
}

bool ExpressionParser::at_field() const {
  const Token& token = tokens_.peek();
  return token.kind == Token::Kind::attribute || token.kind == Token::Kind::scoped ||
         (token.kind == Token::Kind::word && intrinsic_of(token.text));
}

Outcome<Field> ExpressionParser::field() {
  const Token& token = tokens_.peek();
  if (token.kind == Token::Kind::attribute) {
    Token taken = tokens_.take();
    return Field{Attribute{taken.scope, std::move(taken.text), taken.of_parent}, taken.place};
  }
  if (token.kind != Token::Kind::word && token.kind != Token::Kind::scoped) return tokens_.unexpected("a field");
  const auto intrinsic = intrinsic_of(token.text);
  if (!intrinsic) return unknown_name(token);
  return Field{*intrinsic, tokens_.take().place};
}

tl::unexpected<Problem> ExpressionParser::unknown_name(const Token& token) const {
  const std::string message = fmt::format("unknown name {}", tokens_.shown(token));
  if (token.kind == Token::Kind::scoped) return tokens_.fail(token.place, message, scoped_hint(token.text));
  if (const std::string_view hint = hint_for_word(token.text); !hint.empty()) {
    return tokens_.fail(token.place, message, std::string(hint));
  }
  if (token.text == "parent") {
    return tokens_.fail(token.place, message, "write parent.NAME for an attribute of the parent, or span:parentID");
  }
  const bool is_value = is_comparison(tokens_.previous());
  const auto long_name = long_name_of(token.text);
  if (!is_value && (long_name || token.text.starts_with("meshflow."))) {
    const std::string field = "span." + (long_name ? long_name->key : token.text);
    const Token& op = tokens_.peek(1);
    const Token& value = tokens_.peek(2);
    if (is_comparison(op) && value.kind == Token::Kind::word && !value_of(value.text)) {
      return tokens_.fail(token.place, message, fmt::format("write {} {} \"{}\"", field, op.text, value.text));
    }
    return tokens_.fail(token.place, message, fmt::format("write {}", field));
  }
  std::vector<std::string_view> known(value_words().begin(), value_words().end());
  known.emplace_back("nil");
  for (const IntrinsicName& each : intrinsic_names()) known.push_back(each.text);
  if (const std::string_view nearest = nearest_name(token.text, known); !nearest.empty()) {
    return tokens_.fail(token.place, message, fmt::format("did you mean {}?", nearest));
  }
  if (is_value) return tokens_.fail(token.place, message, fmt::format("strings stand in quotes: \"{}\"", token.text));
  return tokens_.fail(
      token.place, message,
      fmt::format("an attribute is written with its scope: span.{0}, resource.{0}, or .{0} for either", token.text));
}

Outcome<Grown<Expression>> ExpressionParser::operators(Power above) {
  TRACEQL_TRY(Grown<Expression> left, operand());
  bool is_chain = false;  // `left` is a Logical of this very loop
  while (const auto infix = infix_of(tokens_.peek())) {
    if (infix->power <= above) break;
    const Token sign = tokens_.take();
    TRACEQL_CHECK(tokens_.count_node(sign.place));
    const Place first = left.node.place;
    const auto* comparison = std::get_if<ComparisonOperator>(&infix->of);
    if (comparison != nullptr && tokens_.at_word("nil")) {
      if (*comparison != ComparisonOperator::equal && *comparison != ComparisonOperator::not_equal) {
        return tokens_.fail(tokens_.peek().place, fmt::format("nil can't be compared with \"{}\"", sign.text),
                            "write = nil or != nil");
      }
      tokens_.take();
      left = {{NilTest{*comparison == ComparisonOperator::equal, std::move(left.node)}, tokens_.since(first)},
              left.height + 1};
      is_chain = false;
      TRACEQL_CHECK(tokens_.check_height(left.height, sign.place));
      continue;
    }
    const bool is_right = infix->power == Power::power;  // a ^ (b ^ c)
    if (is_right) TRACEQL_CHECK(tokens_.enter(sign.place));
    TRACEQL_TRY(Grown<Expression> right, operators(is_right ? Power::product : infix->power));
    if (is_right) tokens_.leave();
    const std::size_t height = std::max(left.height, right.height) + 1;
    if (const auto* op = std::get_if<LogicalOperator>(&infix->of)) {
      auto* chain = is_chain ? std::get_if<Logical>(&left.node.of) : nullptr;
      if (chain != nullptr && chain->op == *op) {
        chain->operands.push_back(std::move(right.node));
        left.height = std::max(left.height, right.height + 1);
      } else {
        Logical logical{*op, {}};
        logical.operands.push_back(std::move(left.node));
        logical.operands.push_back(std::move(right.node));
        left = {{std::move(logical), {}}, height};
      }
      is_chain = true;
    } else {
      is_chain = false;
      if (comparison != nullptr) {
        left = {{Compare{*comparison, std::move(left.node), std::move(right.node), sign.place}, {}}, height};
      } else {
        const auto arithmetic = std::get<ArithmeticOperator>(infix->of);
        left = {{Arithmetic{arithmetic, std::move(left.node), std::move(right.node), sign.place}, {}}, height};
      }
    }
    left.node.place = tokens_.since(first);
    TRACEQL_CHECK(tokens_.check_height(left.height, sign.place));
  }
  return left;
}

Outcome<Grown<Expression>> ExpressionParser::operand() {
  const Token& token = tokens_.peek();
  if (token.is_sign("(")) return parentheses();
  TRACEQL_CHECK(tokens_.count_node(token.place));
  if (token.is_sign("-")) return prefix(UnaryOperator::negate);
  if (token.is_sign("!")) return prefix(UnaryOperator::logical_not);
  if (token.is_word("nil")) return nil_on_the_left();
  const Place place = token.place;
  if (at_field() || token.kind == Token::Kind::scoped) {
    return field().map([&](Field field) { return Grown<Expression>{{std::move(field), place}}; });
  }
  const bool is_after_operator = tokens_.previous().kind == Token::Kind::sign && !tokens_.previous().is_sign("{") &&
                                 !tokens_.previous().is_sign("(");
  return literal(is_after_operator ? fmt::format("a value after \"{}\"", tokens_.previous().text)
                                   : "a field or a value")
      .map([&](Literal literal) { return Grown<Expression>{{std::move(literal), place}}; });
}

Outcome<Grown<Expression>> ExpressionParser::parentheses() {
  const Token open = tokens_.take();
  TRACEQL_CHECK(tokens_.enter(open.place));
  TRACEQL_TRY(Grown<Expression> inside, operators(Power::none));
  TRACEQL_CHECK(tokens_.expect_sign(")", "an operator or \")\"", operator_hint()));
  tokens_.leave();
  inside.node.place = tokens_.since(open.place);
  return inside;
}

Outcome<Grown<Expression>> ExpressionParser::prefix(UnaryOperator op) {
  const Token sign = tokens_.take();
  // The one integer that fits only with its sign.
  if (op == UnaryOperator::negate && tokens_.peek().kind == Token::Kind::integer &&
      !number_value(tokens_.peek(), false)) {
    const Token digits = tokens_.take();
    return Grown<Expression>{
        {Literal{*number_value(digits, true), tokens_.since(sign.place)}, tokens_.since(sign.place)}};
  }
  TRACEQL_CHECK(tokens_.enter(sign.place));
  TRACEQL_TRY(Grown<Expression> operand, operators(op == UnaryOperator::negate ? Power::sum : Power::negation));
  tokens_.leave();
  const Place place = tokens_.since(sign.place);
  if (op == UnaryOperator::negate) {
    if (const auto* literal = std::get_if<Literal>(&operand.node.of)) {
      if (auto value = negated(literal->value)) return Grown<Expression>{{Literal{std::move(*value), place}, place}};
      if (is_number(type_of(literal->value))) return tokens_.fail(place, "this integer does not fit 64 bits");
    }
  }
  TRACEQL_CHECK(tokens_.check_height(operand.height + 1, sign.place));
  return Grown<Expression>{{Unary{op, std::move(operand.node)}, place}, operand.height + 1};
}

Outcome<Grown<Expression>> ExpressionParser::nil_on_the_left() {
  const Token nil = tokens_.take();
  const bool is_nil = tokens_.at_sign("=");
  if (!is_nil && !tokens_.at_sign("!=")) return tokens_.unexpected("\"=\" or \"!=\" after nil");
  const Token sign = tokens_.take();
  if (tokens_.at_word("nil")) {
    tokens_.take();
    const Place place = tokens_.since(nil.place);
    return Grown<Expression>{{Literal{false, place}, place}};
  }
  TRACEQL_CHECK(tokens_.enter(sign.place));
  TRACEQL_TRY(Grown<Expression> operand, operators(Power::comparison));
  tokens_.leave();
  TRACEQL_CHECK(tokens_.check_height(operand.height + 1, sign.place));
  return Grown<Expression>{{NilTest{is_nil, std::move(operand.node)}, tokens_.since(nil.place)}, operand.height + 1};
}

}  // namespace meshflow::query::traceql
