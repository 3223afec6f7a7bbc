#include "query/traceql/parser.hpp"

#include <chrono>
#include <limits>

#include <fmt/format.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/traceql/limits.hpp"
#include "query/traceql/printer.hpp"

namespace meshflow::query::traceql {
namespace {

Query query_of(std::string_view text) {
  auto query = parse_query(text);
  EXPECT_TRUE(query.has_value()) << text << "\n" << to_error(query.error()).text();
  return query.value_or(Query{Pipeline{}});
}

// The text with all parentheses that its tree has: what binds how.
std::string printed(std::string_view text) { return print(query_of(text)); }

std::string problem_of(std::string_view text) {
  const auto query = parse_query(text);
  return query ? "none: " + print(*query) : to_error(query.error()).text();
}

// The condition of a query that is one filter.
Expression condition_of(std::string_view text) {
  const Query query = query_of(text);
  return std::get<SpansetFilter>(std::get<Spanset>(std::get<Pipeline>(query.of).stages.at(0)).of).condition;
}

Expression field(std::string name) { return {Field{Attribute{Scope::any, std::move(name)}}}; }
Expression integer(std::int64_t value) { return {Literal{value}}; }

// https://github.com/grafana/tempo, pkg/traceql/expr.y at ad33aa8: the table of precedences.
TEST(TraceqlParser, AndAndOrBindAlikeFromLeftToRight) {
  const Expression a_or_b{Logical{LogicalOperator::any, {field("a"), field("b")}}};
  EXPECT_EQ(condition_of("{ .a || .b && .c }"), (Expression{Logical{LogicalOperator::all, {a_or_b, field("c")}}}));
  EXPECT_EQ(printed("{ .a && .b || .c && .d }"), "{ ((.a && .b) || .c) && .d }");
}

TEST(TraceqlParser, AChainOfOneOperatorIsOneNode) {
  EXPECT_EQ(condition_of("{ .a || .b || .c }"),
            (Expression{Logical{LogicalOperator::any, {field("a"), field("b"), field("c")}}}));
  const Expression inner{Logical{LogicalOperator::any, {field("a"), field("b")}}};
  EXPECT_EQ(condition_of("{ (.a || .b) || .c }"), (Expression{Logical{LogicalOperator::any, {inner, field("c")}}}));
}

TEST(TraceqlParser, ArithmeticBindsTighterThanComparisonAndPowersGroupFromTheRight) {
  EXPECT_EQ(printed("{ .a + .b * .c = .d - .e - .f }"), "{ .a + .b * .c = .d - .e - .f }");
  const Expression left{Arithmetic{ArithmeticOperator::subtract, field("d"), field("e")}};
  EXPECT_EQ(condition_of("{ .d - .e - .f }"), (Expression{Arithmetic{ArithmeticOperator::subtract, left, field("f")}}));
  const Expression right{Arithmetic{ArithmeticOperator::power, field("b"), field("c")}};
  EXPECT_EQ(condition_of("{ .a ^ .b ^ .c }"), (Expression{Arithmetic{ArithmeticOperator::power, field("a"), right}}));
}

TEST(TraceqlParser, UnaryMinusTakesProductsAndNotTakesThemToo) {
  const Expression product{Arithmetic{ArithmeticOperator::multiply, field("a"), field("b")}};
  EXPECT_EQ(condition_of("{ -.a * .b }"), (Expression{Unary{UnaryOperator::negate, product}}));
  EXPECT_EQ(condition_of("{ !.a * .b }"), (Expression{Unary{UnaryOperator::logical_not, product}}));
  const Expression negative{Unary{UnaryOperator::negate, field("a")}};
  EXPECT_EQ(condition_of("{ -.a + .b }"), (Expression{Arithmetic{ArithmeticOperator::add, negative, field("b")}}));
  const Expression opposite{Unary{UnaryOperator::logical_not, field("a")}};
  EXPECT_EQ(condition_of("{ !.a = .b }"), (Expression{Compare{ComparisonOperator::equal, opposite, field("b")}}));
}

TEST(TraceqlParser, NegativeNumbersAreLiterals) {
  EXPECT_EQ(condition_of("{ -5 }"), integer(-5));
  EXPECT_EQ(condition_of("{ -(-5) }"), integer(5));
  EXPECT_EQ(condition_of("{ -1.5s }"), (Expression{Literal{Duration{-1'500'000'000}}}));
  EXPECT_EQ(condition_of("{ -9223372036854775808 }"), integer(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(condition_of("{ minInt }"), integer(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(printed("{ -2 ^ 2 = (-2) ^ 2 }"), "{ -(2 ^ 2) = (-2) ^ 2 }");
  EXPECT_THAT(problem_of("{ .a = 9223372036854775808 }"),
              testing::StartsWith("1:8: \"9223372036854775808\" does not fit"));
}

TEST(TraceqlParser, NilStandsOnEitherSide) {
  EXPECT_EQ(condition_of("{ .a = nil }"), (Expression{NilTest{true, field("a")}}));
  EXPECT_EQ(condition_of("{ nil != .a }"), (Expression{NilTest{false, field("a")}}));
  EXPECT_EQ(condition_of("{ nil = nil }"), (Expression{Literal{false}}));
  EXPECT_EQ(printed("{ nil = .a + 1 && .b != nil }"), "{ .a + 1 = nil && .b != nil }");
  EXPECT_EQ(problem_of("{ .a > nil }"), "1:8: nil can't be compared with \">\" (write = nil or != nil)");
}

TEST(TraceqlParser, OlderAndScopedSpellingsAreOneIntrinsic) {
  EXPECT_EQ(query_of("{ span:duration > 1s }"), query_of("{ duration > 1s }"));
  EXPECT_EQ(query_of("{ trace:rootService = `x` }"), query_of("{ rootServiceName = \"x\" }"));
  EXPECT_EQ(query_of("{ trace:rootName = `x` }"), query_of("{ rootName = \"x\" }"));
  EXPECT_EQ(query_of("{ trace:duration > 1s }"), query_of("{ traceDuration > 1s }"));
  EXPECT_EQ(printed("{ span:childCount = 0 && span:id = \"a\" }"), "{ span:childCount = 0 && span:id = \"a\" }");
}

TEST(TraceqlParser, StructureBindsTighterThanAndBetweenSetsOfSpans) {
  EXPECT_EQ(printed("{ .a } && { .b } >> { .c } || { .d }"), "({ .a } && ({ .b } >> { .c })) || { .d }");
  EXPECT_EQ(printed("{ .a } > { .b } !~ { .c }"), "({ .a } > { .b }) !~ { .c }");
  for (const char* op :
       {"&&", "||", ">", "<", ">>", "<<", "~", "!>", "!<", "!>>", "!<<", "!~", "&>", "&<", "&>>", "&<<", "&~"}) {
    EXPECT_EQ(printed(fmt::format("{{.a}}{}{{.b}}", op)), fmt::format("{{ .a }} {} {{ .b }}", op));
  }
}

TEST(TraceqlParser, PipelinesInParenthesesAreOperands) {
  EXPECT_EQ(printed("({ .a } | count() > 1) && ({ .b })"), "({ .a } | count() > 1) && { .b }");
  EXPECT_EQ(query_of("({ .a } | count() > 1) | { .b }"), query_of("{ .a } | count() > 1 | { .b }"));
  EXPECT_EQ(printed("(count() > 1) || { .b }"), "(count() > 1) || { .b }");
}

TEST(TraceqlParser, StagesFollowEachOther) {
  EXPECT_EQ(printed("{.a}|by(1+.b)|count()>2|coalesce()|select(name,span.x)|{.c}"),
            "{ .a } | by(1 + .b) | count() > 2 | coalesce() | select(name, span.x) | { .c }");
  EXPECT_EQ(printed("max(duration) > 3s | { .a }"), "max(duration) > 3s | { .a }");
  EXPECT_EQ(printed("by(.a) | { true }"), "by(.a) | { }");
}

TEST(TraceqlParser, ConstantsOfScalarsAreComputed) {
  EXPECT_EQ(printed("{ } | count() > 2 * 3 - 1"), "{ } | count() > 5");
  EXPECT_EQ(printed("{ } | count() > 1 / 2"), "{ } | count() > 0");  // integers stay integers
  EXPECT_EQ(printed("{ } | count() > 1.0 / 2"), "{ } | count() > 0.5");
  EXPECT_EQ(printed("{ } | count() + 1 + 2 > -(3)"), "{ } | count() + 1 + 2 > -3");
  EXPECT_EQ(printed("{ } | (max(.a) - min(.a)) * 2 > count() ^ 2"), "{ } | (max(.a) - min(.a)) * 2 > count() ^ 2");
  EXPECT_EQ(problem_of("{ } | count() > 1 / 0"), "1:17: division by zero");
  EXPECT_EQ(problem_of("{ } | count() > 9223372036854775807 + 1"),
            "1:17: this integer does not fit 64 bits (write one of the numbers with a point: 2.0)");
  EXPECT_EQ(problem_of("{ } | rate() > 10s * 2"),
            "1:16: durations are not calculated with here (write the result, for example 20s)");
}

TEST(TraceqlParser, ReadsEveryFunctionOfMetrics) {
  for (const char* text :
       {"{ } | rate()", "{ } | rate() by (name)", "{ } | count_over_time() by (name, span.a)",
        "{ } | min_over_time(duration)", "{ } | max_over_time(.a) by (name)", "{ } | avg_over_time(duration)",
        "{ } | sum_over_time(span.a)", "{ } | quantile_over_time(duration, 0.5, 0.99) by (name)",
        "{ } | histogram_over_time(duration) by (name)", "{ } | compare({ status = error })",
        "{ } | compare({ status = error }, 20)", "{ } | compare({ status = error }, 10, 1, 2)",
        "{ } | rate() | topk(10)", "{ } | rate() by (name) > 5 | bottomk(3) <= 10", "{ } | rate() != -3",
        "{ } | max_over_time(duration) > 10s", "{ } | by(.a) | rate()"}) {
    EXPECT_EQ(printed(text), text);
  }
}

TEST(TraceqlParser, MetricsInParenthesesAreCalculatedWith) {
  EXPECT_EQ(printed("({status=error}|rate())/({}|rate())"), "({ status = error } | rate()) / ({ } | rate())");
  EXPECT_EQ(printed("100*({}|rate())/({}|rate())-1"), "100 * ({ } | rate()) / ({ } | rate()) - 1");
  EXPECT_EQ(printed("1 + 2 * 3 + ({}|rate())"), "7 + ({ } | rate())");
  EXPECT_EQ(printed("({}|rate()) * (-100)"), "({ } | rate()) * -100");
  EXPECT_EQ(printed("({}|rate()) + ({}|rate()) | topk(5) > 10"), "({ } | rate()) + ({ } | rate()) | topk(5) > 10");
  EXPECT_EQ(printed("({}|rate() > 6) * 100 > 5"), "({ } | rate() > 6) * 100 > 5");
  EXPECT_EQ(printed("(({}|rate()) * 2) - (3 + ({}|rate()))"), "({ } | rate()) * 2 - (3 + ({ } | rate()))");
}

// docs/traceql.md, "Whole results".
TEST(TraceqlParser, AnAggregateThatIsNotComparedIsOfTheWholeResult) {
  for (const char* text : {"{ } | count()", "{ } | sum(span.a)", "{ } | sum(span.a) by (span.b)",
                           "{ } | avg(duration / 2) by (name) > 5", "{ } | quantile(duration, 0.5, 0.9) by (name)",
                           "({ } | sum(span.a)) > 5", "({ } | sum(span.a)) / ({ } | count())"}) {
    EXPECT_EQ(printed(text), text);
    EXPECT_TRUE(std::holds_alternative<Metrics>(query_of(text).of)) << text;
  }
  EXPECT_TRUE(std::holds_alternative<Pipeline>(query_of("{ } | sum(span.a) > 5").of));
  EXPECT_EQ(printed("({ } | count()) | topk(2) > 1"), "{ } | count() | topk(2) > 1");
}

TEST(TraceqlParser, HintsStandAtTheEnd) {
  EXPECT_EQ(printed("{} with(most_recent=true) with (a = \"x\", sample = 0.1)"),
            "{ } with (most_recent = true, a = \"x\", sample = 0.1)");
  EXPECT_THAT(problem_of("({ } with (a = 1))"), testing::StartsWith("1:6: hints stand at the end"));
}

TEST(TraceqlParser, EveryNodeKnowsItsPlace) {
  const std::string text = "{ span.a  = 1 } >> { (name = `b`) }";
  const Query query = query_of(text);
  const auto& spanset = std::get<Spanset>(std::get<Pipeline>(query.of).stages.at(0));
  const auto at = [&](Place place) { return text.substr(place.at, place.size); };
  EXPECT_EQ(at(spanset.place), text);
  const auto& operation = std::get<SpansetOperation>(spanset.of);
  EXPECT_EQ(at(operation.op_place), ">>");
  const auto& left = std::get<SpansetFilter>(operation.left->of);
  EXPECT_EQ(at(left.place), "{ span.a  = 1 }");
  EXPECT_EQ(at(left.condition.place), "span.a  = 1");
  const auto& compare = std::get<Compare>(left.condition.of);
  EXPECT_EQ(at(compare.op_place), "=");
  EXPECT_EQ(at(std::get<Field>(compare.left->of).place), "span.a");
  EXPECT_EQ(at(compare.right->place), "1");
  EXPECT_EQ(at(std::get<SpansetFilter>(operation.right->of).condition.place), "(name = `b`)");
}

TEST(TraceqlParser, EndlessQueriesAreRefusedAtOnceWithTheLimitsName) {
  const auto limit_of = [](const std::string& text) {
    const auto query = parse_query(text);
    EXPECT_FALSE(query.has_value());
    EXPECT_EQ(query.error().code, ErrorCode::limit_exceeded);
    return query.error().limit;
  };
  const auto times = [](std::string_view text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(limit_of("{ name = \"" + std::string(10'000'000, 'x') + "\" }"), "kQueryBytesMax");
  EXPECT_EQ(limit_of("{ " + times("(", 10'000) + ".a" + times(")", 10'000) + " }"), "kNestingMax");
  EXPECT_EQ(limit_of(times("(", 10'000) + "{ }" + times(")", 10'000)), "kNestingMax");
  EXPECT_EQ(limit_of("{ " + times("!", 10'000) + ".a }"), "kNestingMax");
  EXPECT_EQ(limit_of("{ " + times(".a ^ ", 10'000) + ".a }"), "kNestingMax");
  EXPECT_EQ(limit_of("{ " + times(".a + ", 10'000) + ".a }"), "kDepthMax");
  EXPECT_EQ(limit_of("{ " + times("nil = ", 10'000) + ".a }"), "kDepthMax");
  EXPECT_EQ(limit_of(times("-", 10'000) + "1 > count()"), "kNestingMax");
  EXPECT_EQ(limit_of(times("{} || ", 10'000) + "{}"), "kDepthMax");
  EXPECT_EQ(limit_of("{ " + times(".a || ", 12'000) + ".a }"), "kNodesMax");
  EXPECT_EQ(limit_of("{ } | select(" + times("name, ", 100) + "name)"), "kListMax");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST(TraceqlParser, ALongChainOfAlternativesIsNoDepth) {
  std::string text = "{ .a = 0";
  for (int i = 1; i < 1'000; ++i) text += fmt::format(" || .a = {}", i);
  EXPECT_EQ(printed(text + " }"), text + " }");
}

}  // namespace
}  // namespace meshflow::query::traceql
