#include "query/traceql/parser.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/nearest.hpp"
#include "query/names.hpp"
#include "query/traceql/parse_expression.hpp"
#include "query/traceql/parse_metrics.hpp"
#include "query/traceql/scalar.hpp"
#include "query/traceql/token_stream.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr std::string_view kStarts = "a query begins with { … }, for example { status = error }";

// What may stand between operators outside { }: a number, a number for a set of spans, stages, or metrics.
struct Term {
  std::variant<Literal, Scalar, Pipeline, Metrics> of;
  Place place = {};
  std::size_t height = 1;
  bool is_in_parentheses = false;

  template <typename T>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<T>(of);
  }
  [[nodiscard]] bool is_number() const { return is<Literal>() || is<Scalar>(); }
};

// The operators outside { }: some join sets of spans, some numbers, some either.
struct InfixOperator {
  std::optional<SpansetOperator> spanset;
  std::optional<ComparisonOperator> comparison;
  std::optional<ArithmeticOperator> arithmetic;
  Power power = Power::none;
};

std::optional<InfixOperator> infix_of(const Token& token) {
  if (token.kind != Token::Kind::sign) return std::nullopt;
  InfixOperator out{operator_of(token.text, SpansetOperator::union_sibling),
                    operator_of(token.text, ComparisonOperator::matches_not),
                    operator_of(token.text, ArithmeticOperator::power)};
  if (out.spanset) {
    out.power = power_of(*out.spanset);
  } else if (out.comparison) {
    out.power = Power::comparison;
  } else if (out.arithmetic) {
    out.power = power_of(*out.arithmetic);
  } else {
    return std::nullopt;
  }
  return out;
}

bool is_plain_comparison(ComparisonOperator op) {
  return op != ComparisonOperator::matches && op != ComparisonOperator::matches_not;
}

std::string_view words_for(const Term& term) {
  if (term.is<Literal>()) return "a number";
  if (term.is<Scalar>()) return "a number for each set of spans";
  return term.is<Metrics>() ? "a metric" : "a set of spans";
}

class QueryParser {
 public:
  explicit QueryParser(std::string_view text) : tokens_(text), expressions_(tokens_) {}

  Outcome<Query> query() {
    if (tokens_.at_end()) return tokens_.unexpected("a query", std::string(kStarts));
    TRACEQL_TRY(Term term, sequence());
    TRACEQL_TRY(std::vector<Hint> hints, parse_hints(tokens_));
    TRACEQL_CHECK(
        tokens_.expect_end(hints.empty() ? what_may_follow(term) : "the end of the query", hint_behind(term)));
    if (auto* pipeline = std::get_if<Pipeline>(&term.of)) return Query{std::move(*pipeline), std::move(hints)};
    if (auto* metrics = std::get_if<Metrics>(&term.of)) return Query{std::move(*metrics), std::move(hints)};
    return number_alone(term);
  }

 private:
  // ---- stages ----

  // Stages up to the end or what no stage begins with.
  Outcome<Term> sequence() {
    TRACEQL_TRY(Term term, at_stage_word() ? first_stage() : operators(Power::none));
    while (true) {
      const auto infix = infix_of(tokens_.peek());
      if (tokens_.at_sign("|")) {
        TRACEQL_CHECK(next_stage(term));
      } else if (term.is<Metrics>() && infix) {
        TRACEQL_CHECK(behind_metrics(term, *infix));
      } else {
        break;
      }
    }
    return term;
  }

  [[nodiscard]] bool at_stage_word() const {
    if (tokens_.peek().kind != Token::Kind::word) return false;
    const std::string& word = tokens_.peek().text;
    return word == "by" || word == "select" || word == "coalesce" || word == "topk" || word == "bottomk" ||
           metrics_function_of(word).has_value();
  }

  Outcome<Term> first_stage() {
    const Token& token = tokens_.peek();
    const std::string word = token.text;
    if (word == "coalesce") {
      return tokens_.fail(token.place, "coalesce() can't come first: there are no groups to join",
                          "write { } | by(name) | coalesce()");
    }
    if (word != "by" && word != "select") {
      return tokens_.fail(token.place, fmt::format("{} needs spans to be computed from", word),
                          word == "topk" || word == "bottomk"
                              ? fmt::format("write {{ }} | rate() by (name) | {}(10)", word)
                              : fmt::format("write {{ }} | {}(…)", word));
    }
    Term term{Pipeline{}, token.place};
    TRACEQL_CHECK(stage(term));
    return term;
  }

  // `| …` behind `term`.
  Outcome<void> next_stage(Term& term) {
    const Token bar = tokens_.take();
    if (term.is_number()) return number_alone(term);
    if (term.is<Metrics>()) {
      if (!tokens_.at_word("topk") && !tokens_.at_word("bottomk")) {
        return tokens_.unexpected("topk() or bottomk()",
                                  "behind a metric stand topk(), bottomk() and comparisons such as > 10");
      }
      TRACEQL_TRY(TopK top, parse_top(tokens_));
      std::get<Metrics>(term.of).then.emplace_back(std::move(top));
      return grow_metrics(term);
    }
    TRACEQL_CHECK(tokens_.count_node(bar.place));
    term.is_in_parentheses = false;
    return stage(term);
  }

  Outcome<void> grow_metrics(Term& term) {
    auto& metrics = std::get<Metrics>(term.of);
    metrics.place = tokens_.since(term.place);
    term.place = metrics.place;
    term.is_in_parentheses = false;
    return {};
  }

  // One more stage for the Pipeline `term`, which may become Metrics by it.
  Outcome<void> stage(Term& term) {
    const Token& token = tokens_.peek();
    if (token.kind == Token::Kind::word) {
      if (token.text == "by" || token.text == "select" || token.text == "coalesce") return word_stage(term);
      if (token.text == "topk" || token.text == "bottomk") {
        return tokens_.fail(token.place, fmt::format("{} follows a metric", token.text),
                            fmt::format("for example {{ }} | rate() by (name) | {}(10)", token.text));
      }
      if (const auto function = metrics_function_of(token.text)) {
        TRACEQL_TRY(Grown<MetricsStage> metrics, parse_metrics_stage(tokens_, *function));
        return become_metrics(term, std::move(metrics));
      }
    }
    TRACEQL_TRY(Term next, operators(Power::none));
    auto& pipeline = std::get<Pipeline>(term.of);
    if (auto* more = std::get_if<Pipeline>(&next.of)) {
      for (Stage& each : more->stages) pipeline.stages.push_back(std::move(each));
      term.height = std::max(term.height, next.height);
      term.place = tokens_.since(term.place);
      return {};
    }
    if (auto* scalar = std::get_if<Scalar>(&next.of)) {
      if (std::holds_alternative<Aggregate>(scalar->of) && !next.is_in_parentheses) {
        return whole_result(term, std::get<Aggregate>(std::move(scalar->of)), next.height);
      }
    }
    if (next.is_number()) return number_alone(next);
    return tokens_.fail(next.place, "a metric is no stage of another", "join metrics with + - * /");
  }

  Outcome<void> word_stage(Term& term) {
    auto& stages = std::get<Pipeline>(term.of).stages;
    const Token word = tokens_.take();
    TRACEQL_CHECK(tokens_.count_node(word.place));
    TRACEQL_CHECK(tokens_.expect_sign("(", fmt::format("\"(\" after {}", word.text)));
    if (word.text == "coalesce") {
      TRACEQL_CHECK(tokens_.expect_sign(")", {}, "coalesce() joins all groups and takes nothing"));
      stages.emplace_back(Coalesce{tokens_.since(word.place)});
    } else if (word.text == "select") {
      TRACEQL_TRY(std::vector<Field> fields, parse_fields(tokens_, "select"));
      stages.emplace_back(Select{std::move(fields), tokens_.since(word.place)});
    } else {
      TRACEQL_TRY(Grown<Expression> by, expressions_.expression());
      TRACEQL_CHECK(tokens_.expect_sign(
          ")", "an operator or \")\"",
          tokens_.at_sign(",") ? "a stage groups by one: write | by(a) | by(b)" : expressions_.operator_hint()));
      stages.emplace_back(GroupBy{std::move(by.node), tokens_.since(word.place)});
      term.height = std::max(term.height, by.height + 1);
    }
    term.place = tokens_.since(term.place);
    return {};
  }

  // `sum(x)` that is not compared: of the whole result, with or without by().
  Outcome<void> whole_result(Term& term, Aggregate aggregate, std::size_t height) {
    MetricsStage stage{.function = whole_result_of(aggregate.function), .argument = std::move(aggregate.argument)};
    TRACEQL_TRY(stage.by, parse_by(tokens_));
    stage.place = tokens_.since(aggregate.place);
    return become_metrics(term, {std::move(stage), height});
  }

  Outcome<void> become_metrics(Term& term, Grown<MetricsStage> stage) {
    MetricsQuery query{std::get<Pipeline>(std::move(term.of)), std::move(stage.node)};
    const std::size_t height = std::max(term.height, stage.height) + 1;
    term = {Metrics{std::move(query), {}, tokens_.since(term.place)}, tokens_.since(term.place), height, false};
    return {};
  }

  // ---- what stands behind a metric ----

  // `> 10`, or what can't stand there.
  Outcome<void> behind_metrics(Term& term, const InfixOperator& infix) {
    const Token sign = tokens_.take();
    if (!infix.comparison || !is_plain_comparison(*infix.comparison)) {
      return tokens_.fail(sign.place, fmt::format("\"{}\" can't follow a metric that is not in parentheses", sign.text),
                          "write ({ … } | rate()) + ({ … } | rate())");
    }
    TRACEQL_CHECK(tokens_.count_node(sign.place));
    if (!at_number()) return tokens_.unexpected(fmt::format("a number after \"{}\"", sign.text));
    TRACEQL_TRY(Term value, operators(Power::comparison));
    if (!value.is<Literal>()) {
      return tokens_.fail(value.place, fmt::format("a metric is compared with a number, not with {}", words_for(value)),
                          value.is<Metrics>() ? "compare a difference with 0: (…) - (…) > 0" : "for example > 10");
    }
    std::get<Metrics>(term.of).then.emplace_back(
        MetricsFilter{*infix.comparison, std::get<Literal>(std::move(value.of)), tokens_.since(sign.place)});
    return grow_metrics(term);
  }

  // ---- operators ----

  Outcome<Term> operators(Power above) {
    TRACEQL_TRY(Term left, operand());
    while (const auto infix = infix_of(tokens_.peek())) {
      if (infix->power <= above) break;
      // A metric's comparison belongs to all that stands before it: sequence() takes it.
      if (left.is<Metrics>() && infix->power <= Power::comparison) break;
      const Token sign = tokens_.take();
      TRACEQL_CHECK(tokens_.count_node(sign.place));
      if (left.is_number() && !at_number()) return tokens_.unexpected(fmt::format("a number after \"{}\"", sign.text));
      const bool is_right = infix->power == Power::power;
      if (is_right) TRACEQL_CHECK(tokens_.enter(sign.place));
      TRACEQL_TRY(Term right, operators(is_right ? Power::product : infix->power));
      if (is_right) tokens_.leave();
      TRACEQL_TRY(left, combined(std::move(left), sign, *infix, std::move(right)));
      TRACEQL_CHECK(tokens_.check_height(left.height, sign.place));
    }
    return left;
  }

  // Where a number is wanted: one, or what is named in full when it turns out to be none.
  [[nodiscard]] bool at_number() const {
    const Token& token = tokens_.peek();
    switch (token.kind) {
      case Token::Kind::integer:
      case Token::Kind::real:
      case Token::Kind::duration: return true;
      case Token::Kind::word:
        return aggregate_of(token.text) || at_stage_word() || token.text == "minInt" || token.text == "maxInt";
      case Token::Kind::sign: return token.text == "-" || token.text == "(" || token.text == "{";
      default: return false;
    }
  }

  Outcome<Term> operand() {
    const Token& token = tokens_.peek();
    if (token.is_sign("(")) return parentheses();
    TRACEQL_CHECK(tokens_.count_node(token.place));
    const Place first = token.place;
    if (token.is_sign("{")) {
      TRACEQL_TRY(Grown<SpansetFilter> filter, parse_filter(tokens_));
      const Place place = filter.node.place;
      Pipeline pipeline;
      pipeline.stages.emplace_back(Spanset{std::move(filter.node), place});
      return Term{std::move(pipeline), place, filter.height + 1};
    }
    if (token.is_sign("-")) return negative();
    if (token.kind == Token::Kind::integer || token.kind == Token::Kind::real || token.kind == Token::Kind::duration ||
        token.is_word("minInt") || token.is_word("maxInt")) {
      TRACEQL_TRY(Literal literal, expressions_.literal());
      return Term{std::move(literal), first};
    }
    if (token.kind == Token::Kind::word && aggregate_of(token.text)) return aggregate(*aggregate_of(token.text));
    return no_operand(token);
  }

  Outcome<Term> parentheses() {
    const Token open = tokens_.take();
    TRACEQL_CHECK(tokens_.enter(open.place));
    TRACEQL_TRY(Term inside, sequence());
    if (tokens_.at_word("with")) {
      return tokens_.fail(tokens_.peek().place, "hints stand at the end of the whole query");
    }
    TRACEQL_CHECK(tokens_.expect_sign(")", "an operator, \"|\" or \")\""));
    tokens_.leave();
    inside.place = tokens_.since(open.place);
    inside.is_in_parentheses = true;
    return inside;
  }

  // `-5`, which binds tighter than any operator here.
  Outcome<Term> negative() {
    const Token& next = tokens_.peek(1);
    if (next.kind == Token::Kind::integer || next.kind == Token::Kind::real || next.kind == Token::Kind::duration) {
      TRACEQL_TRY(Literal literal, expressions_.literal());
      const Place place = literal.place;
      return Term{std::move(literal), place};
    }
    const Token sign = tokens_.take();
    TRACEQL_CHECK(tokens_.enter(sign.place));
    TRACEQL_TRY(Term term, operand());
    tokens_.leave();
    const Place place = tokens_.since(sign.place);
    const auto* literal = std::get_if<Literal>(&term.of);
    if (literal == nullptr) {
      return tokens_.fail(place, "only numbers take \"-\" here",
                          fmt::format("write 0 - {}", tokens_.text_at(term.place)));
    }
    auto value = negated(literal->value);
    if (!value) return tokens_.fail(place, "this integer does not fit 64 bits");
    return Term{Literal{std::move(*value), place}, place};
  }

  Outcome<Term> aggregate(AggregateFunction function) {
    const Token name = tokens_.take();
    Aggregate out{.function = function};
    std::size_t height = 1;
    TRACEQL_CHECK(tokens_.expect_sign("(", fmt::format("\"(\" after {}", name.text)));
    if (function == AggregateFunction::count) {
      TRACEQL_CHECK(tokens_.expect_sign(
          ")", {}, "count() counts spans and takes nothing; filter before it: { … } | count() > 2"));
    } else {
      if (tokens_.at_sign(")")) {
        return tokens_.unexpected("what it is computed from", fmt::format("for example {}(duration)", name.text));
      }
      TRACEQL_TRY(Grown<Expression> argument, expressions_.expression());
      TRACEQL_CHECK(tokens_.expect_sign(")", "an operator or \")\"", expressions_.operator_hint()));
      height += argument.height;
      out.argument = std::move(argument.node);
    }
    out.place = tokens_.since(name.place);
    const Place place = out.place;
    return Term{Scalar{std::move(out), place}, place, height};
  }

  // ---- what two operands make ----

  Outcome<Term> combined(Term left, const Token& sign, const InfixOperator& infix, Term right) {
    const Place place = through(left.place, right.place);
    const std::size_t height = std::max(left.height, right.height) + 1;
    if (left.is<Metrics>() || right.is<Metrics>()) return metrics_of(std::move(left), sign, infix, std::move(right));
    if (left.is<Pipeline>() && right.is<Pipeline>()) return spansets_of(std::move(left), sign, infix, std::move(right));
    if (!left.is_number() || !right.is_number()) return mixed(left, sign, infix, right);
    const bool are_literals = left.is<Literal>() && right.is<Literal>();
    if (infix.arithmetic) {
      if (are_literals) {
        TRACEQL_TRY(Value value, computed(tokens_, *infix.arithmetic, std::get<Literal>(left.of),
                                          std::get<Literal>(right.of), place));
        return Term{Literal{std::move(value), place}, place};
      }
      Scalar scalar{
          ScalarOperation{*infix.arithmetic, scalar_of(std::move(left)), scalar_of(std::move(right)), sign.place},
          place};
      return Term{std::move(scalar), place, height};
    }
    if (!infix.comparison || !is_plain_comparison(*infix.comparison)) {
      return tokens_.fail(
          sign.place, fmt::format("\"{}\" does not stand between numbers", sign.text),
          infix.power == Power::logical ? "each comparison is a stage of its own: | count() > 2 | count() < 9" : "");
    }
    if (are_literals) {
      return tokens_.fail(place, "two numbers alone are not compared", "compare an aggregate, for example count() > 2");
    }
    Pipeline pipeline;
    pipeline.stages.emplace_back(
        ScalarFilter{*infix.comparison, scalar_of(std::move(left)), scalar_of(std::move(right)), sign.place});
    return Term{std::move(pipeline), place, height};
  }

  static Scalar scalar_of(Term term) {
    if (auto* literal = std::get_if<Literal>(&term.of)) return {std::move(*literal), term.place};
    return std::get<Scalar>(std::move(term.of));
  }

  Outcome<Term> metrics_of(Term left, const Token& sign, const InfixOperator& infix, Term right) {
    const Place place = through(left.place, right.place);
    const std::size_t height = std::max(left.height, right.height) + 1;
    const bool is_computed = infix.arithmetic && *infix.arithmetic != ArithmeticOperator::modulo &&
                             *infix.arithmetic != ArithmeticOperator::power;
    if (!is_computed) {
      const bool is_comparison = infix.comparison && right.is<Metrics>() && left.is<Literal>();
      return tokens_.fail(sign.place, fmt::format("\"{}\" does not join metrics", sign.text),
                          is_comparison ? "write the metric first: (…) > 10" : "metrics are joined with + - * /");
    }
    for (const Term* each : {&left, &right}) {
      const auto* literal = std::get_if<Literal>(&each->of);
      if (!each->is<Metrics>() && literal == nullptr) {
        return tokens_.fail(each->place, fmt::format("a metric is not calculated with {}", words_for(*each)),
                            "its other side is a number, or a metric in parentheses");
      }
      if (literal != nullptr && std::holds_alternative<Duration>(literal->value)) {
        return tokens_.fail(each->place, "a metric is not calculated with a duration", "write a number of seconds");
      }
    }
    MetricsOperation operation{*infix.arithmetic, metrics_operand(std::move(left)), metrics_operand(std::move(right)),
                               sign.place};
    return Term{Metrics{std::move(operation), {}, place}, place, height};
  }

  static MetricsOperand metrics_operand(Term term) {
    if (auto* literal = std::get_if<Literal>(&term.of)) return std::move(*literal);
    return Box<Metrics>(std::get<Metrics>(std::move(term.of)));
  }

  Outcome<Term> spansets_of(Term left, const Token& sign, const InfixOperator& infix, Term right) {
    if (!infix.spanset) {
      return tokens_.fail(sign.place, fmt::format("\"{}\" does not stand between sets of spans", sign.text),
                          "sets are joined with && || > >> < << ~ and their forms with ! and &");
    }
    for (const Term* each : {&left, &right}) {
      if (!each->is_in_parentheses && !std::holds_alternative<Spanset>(std::get<Pipeline>(each->of).stages.front())) {
        return tokens_.fail(each->place,
                            fmt::format("a comparison of numbers is no set of spans for \"{}\"", sign.text),
                            "put it into a stage of its own with \"|\", or into parentheses with its spans");
      }
    }
    const Place place = through(left.place, right.place);
    const std::size_t height = std::max(left.height, right.height) + 1;
    Spanset out{SpansetOperation{*infix.spanset, spanset_of(std::move(left)), spanset_of(std::move(right)), sign.place},
                place};
    Pipeline pipeline;
    pipeline.stages.emplace_back(std::move(out));
    return Term{std::move(pipeline), place, height};
  }

  static Spanset spanset_of(Term term) {
    auto& pipeline = std::get<Pipeline>(term.of);
    if (pipeline.stages.size() == 1) {
      if (auto* spanset = std::get_if<Spanset>(&pipeline.stages.front())) return std::move(*spanset);
    }
    return {Box<Pipeline>(std::move(pipeline)), term.place};
  }

  // ---- messages ----

  tl::unexpected<Problem> mixed(const Term& left, const Token& sign, const InfixOperator& infix,
                                const Term& right) const {
    const Term& spans = left.is_number() ? right : left;
    const Term& number = left.is_number() ? left : right;
    std::string hint;
    if (infix.comparison && is_plain_comparison(*infix.comparison) && !left.is_number()) {
      hint = fmt::format("write {} | count() {} {}", shortened(spans.place), sign.text, shortened(number.place));
    }
    return tokens_.fail(right.place,
                        fmt::format("\"{}\" stands between {} and {}", sign.text, words_for(left), words_for(right)),
                        hint);
  }

  [[nodiscard]] std::string shortened(Place place) const {
    constexpr std::size_t kShownBytesMax = 40;
    const std::string_view whole = tokens_.text_at(place);
    return whole.size() <= kShownBytesMax && whole.find('\n') == std::string_view::npos ? std::string(whole) : "{ … }";
  }

  // A number where stages are wanted.
  [[nodiscard]] tl::unexpected<Problem> number_alone(const Term& term) const {
    const auto* scalar = std::get_if<Scalar>(&term.of);
    if (scalar == nullptr) return tokens_.fail(term.place, "a number alone is no query", std::string(kStarts));
    const std::string shown(shortened(term.place));
    if (std::holds_alternative<Aggregate>(scalar->of)) {
      return tokens_.fail(term.place, fmt::format("{} is not compared with anything", shown),
                          fmt::format("compare it with a number, or write {{ … }} | {} for the whole result's", shown));
    }
    return tokens_.fail(term.place, fmt::format("{} is not compared with anything", shown),
                        "compare it with a number, for example > 10");
  }

  [[nodiscard]] std::string_view what_may_follow(const Term& term) const {
    if (term.is<Metrics>()) return "\"|\", a comparison, with() or the end of the query";
    return term.is_number() ? "a comparison" : "an operator, \"|\", with() or the end of the query";
  }

  [[nodiscard]] std::string hint_behind(const Term& term) const {
    const Token& token = tokens_.peek();
    if (token.is_word("by") && term.is_number()) return "write { … } | sum(…) by (…)";
    if (token.is_sign("}")) return "this \"}\" closes nothing";
    if (token.is_sign(")")) return "this \")\" closes nothing";
    if (token.is_word("and") || token.is_word("AND")) return "write \"&&\"";
    if (token.is_word("or") || token.is_word("OR")) return "write \"||\"";
    if (token.is_word("with") || token.kind != Token::Kind::word) return {};
    return at_stage_word() || aggregate_of(token.text) ? fmt::format("write | {}", token.text) : std::string();
  }

  // Neither braces nor a number: a word of a stage that is none, or a condition without braces.
  [[nodiscard]] tl::unexpected<Problem> no_operand(const Token& token) const {
    const Token& before = tokens_.previous();
    if (before.is_sign("|")) {
      const std::string_view nearest = token.kind == Token::Kind::word ? nearest_name(token.text, stage_words()) : "";
      return tokens_.unexpected("a stage after \"|\"",
                                nearest.empty() ? "for example { … }, count() > 2, by(name), select(name), rate()"
                                                : fmt::format("did you mean {}?", nearest));
    }
    const bool is_condition =
        token.kind == Token::Kind::word || token.kind == Token::Kind::attribute || token.kind == Token::Kind::scoped;
    if (infix_of(before)) return tokens_.unexpected(fmt::format("\"{{\" after \"{}\"", before.text));
    if (!is_condition) return tokens_.unexpected("\"{\"", std::string(kStarts));
    const std::string braced = in_braces();
    return tokens_.unexpected("\"{\"", braced.empty() ? std::string(kStarts) : fmt::format("write {}", braced));
  }

  // The condition at the next token as TraceQL would have it; empty where it does not look like one.
  [[nodiscard]] std::string in_braces() const {
    std::string out = "{";
    for (std::size_t at = 0;; at += 4) {
      const Token& key = tokens_.peek(at);
      const Token& op = tokens_.peek(at + 1);
      const Token& value = tokens_.peek(at + 2);
      const auto infix = infix_of(op);
      if (at > 16 || !infix || !infix->comparison || value.kind == Token::Kind::end || value.kind == Token::Kind::sign)
        return {};
      out += " " + field_of(key) + " " + op.text + " ";
      const bool is_word = value.kind == Token::Kind::word && !value_of(value.text);
      out += is_word ? fmt::format("\"{}\"", value.text) : std::string(tokens_.text_at(value.place));
      const Token& next = tokens_.peek(at + 3);
      if (next.kind == Token::Kind::end) return out + " }";
      if (!next.is_sign("&&") && !next.is_sign("||")) return {};
      out += " " + next.text;
    }
  }

  [[nodiscard]] std::string field_of(const Token& key) const {
    if (key.kind != Token::Kind::word || intrinsic_of(key.text)) return std::string(tokens_.text_at(key.place));
    const auto long_name = long_name_of(key.text);
    return "span." + (long_name && !long_name->is_of_run_spans ? long_name->key : key.text);
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
};

}  // namespace

Outcome<Query> parse_query(std::string_view text) {
  if (auto problem = unusable_text(text)) return tl::unexpected(std::move(*problem));
  return QueryParser(text).query();
}

Result<Query> parse(std::string_view text) { return parse_query(text).map_error(to_error); }

}  // namespace meshflow::query::traceql
