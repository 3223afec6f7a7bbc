#include "query/traceql/parse_metrics.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "query/traceql/limits.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr std::int64_t kCompareTopMax = 1'000;  // as Tempo documents

// One more in a list of at most kListMax.
Outcome<void> check_list(const TokenStream& tokens, std::size_t size, Place place, std::string_view what) {
  if (size < kListMax) return {};
  auto problem = tokens.fail(place, fmt::format("more than {} {}", kListMax, what));
  problem.value().code = ErrorCode::limit_exceeded;
  problem.value().limit = "kListMax";
  return problem;
}

Outcome<std::int64_t> whole_number(TokenStream& tokens, std::string_view wanted) {
  const Token& token = tokens.peek();
  if (token.kind != Token::Kind::integer) return tokens.unexpected(wanted);
  const auto value = number_value(token, false);
  if (!value) return tokens.fail(token.place, fmt::format("{} does not fit 64 bits", tokens.shown(token)));
  tokens.take();
  return std::get<std::int64_t>(*value);
}

Outcome<std::vector<double>> quantiles(TokenStream& tokens, std::string_view function) {
  std::vector<double> out;
  const std::string example = fmt::format("for example {}(duration, 0.5, 0.95)", function);
  if (!tokens.at_sign(",")) return tokens.unexpected("\",\" and a quantile", example);
  while (tokens.take_sign(",")) {
    const Token& token = tokens.peek();
    TRACEQL_CHECK(check_list(tokens, out.size(), token.place, "quantiles"));
    if (token.kind != Token::Kind::integer && token.kind != Token::Kind::real) {
      return tokens.unexpected("a quantile", example);
    }
    const double value = token.kind == Token::Kind::real ? token.real : static_cast<double>(token.integer);
    if (value < 0 || value > 1) {
      return tokens.fail(token.place, fmt::format("a quantile is from 0 to 1, not {}", tokens.text_at(token.place)),
                         value <= 100 ? fmt::format("write {}", value / 100) : std::string());
    }
    out.push_back(value);
    tokens.take();
  }
  return out;
}

// `{…}, top, start, end`
Outcome<Grown<CompareArguments>> compare_arguments(TokenStream& tokens) {
  if (!tokens.at_sign("{")) return tokens.unexpected("the selection", "for example compare({ status = error })");
  TRACEQL_TRY(Grown<SpansetFilter> filter, parse_filter(tokens));
  CompareArguments out{std::move(filter.node)};
  if (!tokens.take_sign(",")) return Grown<CompareArguments>{std::move(out), filter.height + 1};
  const Place top = tokens.peek().place;
  TRACEQL_TRY(out.top, whole_number(tokens, "how many values to list"));
  if (out.top < 1 || out.top > kCompareTopMax) {
    return tokens.fail(top, fmt::format("compare() lists from 1 to {} values, not {}", kCompareTopMax, out.top));
  }
  if (!tokens.take_sign(",")) return Grown<CompareArguments>{std::move(out), filter.height + 1};
  const Place start = tokens.peek().place;
  TRACEQL_TRY(out.start, whole_number(tokens, "the start of the selection in nanoseconds since 1970"));
  TRACEQL_CHECK(tokens.expect_sign(",", "\",\" and the end of the selection"));
  TRACEQL_TRY(out.end, whole_number(tokens, "the end of the selection in nanoseconds since 1970"));
  if (out.start > out.end) return tokens.fail(tokens.since(start), "the selection ends before it starts");
  return Grown<CompareArguments>{std::move(out), filter.height + 1};
}

}  // namespace

Outcome<Grown<SpansetFilter>> parse_filter(TokenStream& tokens) {
  const Token open = tokens.take();
  TRACEQL_CHECK(tokens.count_node(open.place));
  if (tokens.take_sign("}")) {
    const Place place = tokens.since(open.place);
    return Grown<SpansetFilter>{{{Literal{true, place}, place}, place}, 2};
  }
  ExpressionParser expressions(tokens);
  TRACEQL_TRY(Grown<Expression> condition, expressions.expression());
  TRACEQL_CHECK(tokens.expect_sign("}", "an operator or \"}\"", expressions.operator_hint()));
  return Grown<SpansetFilter>{{std::move(condition.node), tokens.since(open.place)}, condition.height + 1};
}

Outcome<std::vector<Field>> parse_fields(TokenStream& tokens, std::string_view function) {
  std::vector<Field> out;
  ExpressionParser expressions(tokens);
  do {
    const Place place = tokens.peek().place;
    TRACEQL_CHECK(check_list(tokens, out.size(), place, fmt::format("fields in {}()", function)));
    TRACEQL_CHECK(tokens.count_node(place));
    TRACEQL_TRY(Field field, expressions.field());
    out.push_back(std::move(field));
  } while (tokens.take_sign(","));
  TRACEQL_CHECK(tokens.expect_sign(")", "\",\" or \")\"", fmt::format("{}() takes fields, no expressions", function)));
  return out;
}

Outcome<std::vector<Field>> parse_by(TokenStream& tokens) {
  if (!tokens.at_word("by")) return std::vector<Field>{};
  tokens.take();
  TRACEQL_CHECK(tokens.expect_sign("(", "\"(\" after by"));
  return parse_fields(tokens, "by");
}

Outcome<Grown<MetricsStage>> parse_metrics_stage(TokenStream& tokens, MetricsFunction function) {
  const Token name = tokens.take();
  TRACEQL_CHECK(tokens.count_node(name.place));
  MetricsStage stage{.function = function};
  std::size_t height = 1;
  TRACEQL_CHECK(tokens.expect_sign("(", fmt::format("\"(\" after {}", name.text)));
  if (function == MetricsFunction::compare) {
    TRACEQL_TRY(Grown<CompareArguments> arguments, compare_arguments(tokens));
    height += arguments.height;
    stage.compare = std::move(arguments.node);
  } else if (takes_argument(function)) {
    if (tokens.at_sign(")")) {
      return tokens.unexpected("what it is computed from", fmt::format("for example {}(duration{})", name.text,
                                                                       takes_quantiles(function) ? ", 0.95" : ""));
    }
    TRACEQL_TRY(Grown<Expression> argument, ExpressionParser(tokens).expression());
    height += argument.height;
    stage.argument = std::move(argument.node);
    if (takes_quantiles(function)) {
      TRACEQL_TRY(stage.quantiles, quantiles(tokens, name.text));
    }
  }
  TRACEQL_CHECK(tokens.expect_sign(")", takes_argument(function) ? "an operator or \")\"" : "\")\"",
                                   takes_argument(function) || function == MetricsFunction::compare
                                       ? std::string()
                                       : fmt::format("{}() counts spans and takes nothing", name.text)));
  stage.place = tokens.since(name.place);
  if (function == MetricsFunction::compare && tokens.at_word("by")) {
    return tokens.fail(tokens.peek().place, "compare() is not grouped: it looks at every attribute");
  }
  TRACEQL_TRY(stage.by, parse_by(tokens));
  stage.place = tokens.since(name.place);
  return Grown<MetricsStage>{std::move(stage), height};
}

Outcome<TopK> parse_top(TokenStream& tokens) {
  const Token name = tokens.take();
  TRACEQL_CHECK(tokens.count_node(name.place));
  TopK out{.is_bottom = name.text == "bottomk"};
  TRACEQL_CHECK(tokens.expect_sign("(", fmt::format("\"(\" after {}", name.text)));
  const Place place = tokens.peek().place;
  TRACEQL_TRY(out.k, whole_number(tokens, "how many series to keep"));
  if (out.k < 1) {
    return tokens.fail(place, fmt::format("{}({}) keeps nothing", name.text, out.k),
                       fmt::format("write {}(1) or more", name.text));
  }
  TRACEQL_CHECK(tokens.expect_sign(")"));
  out.place = tokens.since(name.place);
  return out;
}

Outcome<std::vector<Hint>> parse_hints(TokenStream& tokens) {
  std::vector<Hint> out;
  while (tokens.at_word("with")) {
    tokens.take();
    TRACEQL_CHECK(tokens.expect_sign("(", "\"(\" after with"));
    do {
      const Token& name = tokens.peek();
      if (name.kind != Token::Kind::word || name.text.find('.') != std::string::npos) {
        return tokens.unexpected("a hint's name", "for example with (most_recent = true)");
      }
      TRACEQL_CHECK(check_list(tokens, out.size(), name.place, "hints"));
      TRACEQL_CHECK(tokens.count_node(name.place));
      const Token taken = tokens.take();
      TRACEQL_CHECK(tokens.expect_sign("=", "\"=\" and a value"));
      TRACEQL_TRY(Literal value, ExpressionParser(tokens).literal());
      out.push_back({taken.text, std::move(value), tokens.since(taken.place)});
    } while (tokens.take_sign(","));
    TRACEQL_CHECK(tokens.expect_sign(")", "\",\" or \")\""));
  }
  return out;
}

}  // namespace meshflow::query::traceql
