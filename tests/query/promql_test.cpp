// PromQL: what is read, what is refused and where, and what expressions are over known samples. Expected values follow
// Prometheus' documentation ("Querying basics", "Operators", "Functions"); tests/interop/run_prometheus compares more.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/promql/evaluator.hpp"
#include "query/promql/parser.hpp"

namespace meshflow::query::promql {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr std::int64_t kMinute = 60'000;

// Series that were said; a sample every minute, the last one now.
class Known final : public SeriesSource {
 public:
  void add(Labels labels, const std::vector<double>& values, std::int64_t lookback_ms = kLookbackMs) {
    Series series{std::move(labels), {}, lookback_ms};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto back = static_cast<std::int64_t>(values.size() - 1 - i);
      series.samples.push_back({kNow - back * kMinute, values[i]});
    }
    series_.push_back(std::move(series));
  }
  // One sample, so long ago.
  void add_once(Labels labels, double value, std::int64_t ago_ms, std::int64_t lookback_ms) {
    series_.push_back({std::move(labels), {{kNow - ago_ms, value}}, lookback_ms});
  }
  std::int64_t lookback_ms(const Expr& /*selector*/) const override { return 2 * kLookbackMs; }
  Result<std::vector<Series>> select(const SeriesRequest& /*request*/) override { return series_; }

 private:
  std::vector<Series> series_;
};

Vector value_of(Known& source, std::string_view text) {
  const auto expr = parse(text);
  EXPECT_TRUE(expr) << text << ": " << expr.error().text();
  if (!expr) return {};
  auto made = evaluate(*expr, source, kNow);
  EXPECT_TRUE(made) << text << ": " << made.error().text();
  return made ? std::move(*made) : Vector{};
}
double number_of(Known& source, std::string_view text) {
  const Vector made = value_of(source, text);
  EXPECT_EQ(made.size(), 1) << text;
  return made.size() == 1 ? made[0].value : std::numeric_limits<double>::quiet_NaN();
}
std::string error_of(std::string_view text) {
  const auto expr = parse(text);
  return expr ? "parsed: " + print(*expr) : expr.error().text();
}

TEST(PromQl, AnExpressionPrintsAsATextThatMeansTheSame) {
  const struct {
    const char* text;
    const char* printed;
  } cases[] = {
      {"count(meshflow_run_cost_usd > 0.01)[10m] > 3", "count(meshflow_run_cost_usd > 0.01)[10m] > 3"},
      {"sum(rate(a_total{b='c', d!~\"e|f\"}[1h30m] offset 90s)) BY (x,y)",
       "sum by (x, y) (rate(a_total{b=\"c\",d!~\"e|f\"}[1h30m] offset 1m30s))"},
      {"a + b * c ^ d ^ e", "a + b * c ^ d ^ e"},
      {"(a + b) * c", "(a + b) * c"},
      {"(a ^ b) ^ c - (d - e)", "(a ^ b) ^ c - (d - e)"},
      {"-a ^ 2", "-a ^ 2"},
      {"(-a) ^ 2", "(-a) ^ 2"},
      {"-1 + - -2", "-1 + 2"},
      {"a == bool on(x) b", "a == bool on (x) b"},
      {"a and ignoring() b or c unless d", "a and ignoring () b or c unless d"},
      {"topk(3, a)", "topk(3, a)"},
      {"(a)[5m]", "(a)[5m]"},
      {"max_over_time(a[1w])", "max_over_time(a[7d])"},
      {"{__name__=\"a\"}", "a"},
      {"{__name__=\"two words\"}", "{__name__=\"two words\"}"},
      {"a{b=\"\\\"\\n\\u00e4\"} offset -5m", "a{b=\"\\\"\\x0aä\"} offset -5m"},
      {"sum(a) # of all", "sum(a)"},
      {"1e3 > bool 0x10", "1000 > bool 16"},
  };
  for (const auto& one : cases) {
    const auto expr = parse(one.text);
    ASSERT_TRUE(expr) << one.text << ": " << expr.error().text();
    EXPECT_EQ(print(*expr), one.printed);
    const auto again = parse(one.printed);
    ASSERT_TRUE(again) << one.printed;
    EXPECT_EQ(*again, *expr) << one.printed;
  }
}

TEST(PromQl, WhatIsRefusedIsSaidWithItsPlace) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"", "1:1: there is no expression"},
      {"a +", "1:4: expected a metric, a number, a function or \"(\", found the end"},
      {"sum(a", "1:6: expected \",\", found the end"},
      {"a\n  b", "2:3: expected an operator or the end, found \"b\""},
      {"a[5x]",
       "1:3: \"5x\" is neither a number nor a duration (0.01 and 1e3 are numbers; 30s, 5m and 1h30m durations)"},
      {"a[5]", "1:3: expected a duration such as 5m, found \"5\""},
      {"a[5m:1m]", "1:5: subqueries, [range:step], are not supported"},
      {"a @ 5", "1:3: \"@\" is not supported (offset looks back from now)"},
      {"rate(a)", "1:6: rate takes a range of samples here, this is a vector (add a range: metric[5m])"},
      {"sum(a[5m])",
       "1:5: sum is over a vector, this is a range of samples (sum_over_time is over a range, sum(…)[5m] over "
       "series of a time)"},
      {"a[5m] > 1", "1:1: \">\" takes no range of samples (apply a function such as rate() or max_over_time() to it)"},
      {"1 > 2", "1:3: two numbers are compared (write > bool)"},
      {"1[5m]", "1:2: a range behind a number (a range stands behind a metric, or behind an expression over series)"},
      {"a and 1", "1:3: \"and\" stands between vectors (vector(1) makes one of a number)"},
      {"a + bool b", "1:5: bool stands behind comparisons, not behind \"+\""},
      {"a * on(x) group_left b", "1:11: group_left is not supported (vectors are matched one to one)"},
      {"a{b=~\"(\"}", "1:6: a regular expression that cannot be used: missing ): ( (RE2's syntax)"},
      {"{b=\"\"}", "1:1: a selector that fits every series there is (name the metric, or a label's value)"},
      {"a{b=c}", "1:5: expected a text in quotes, found \"c\""},
      {"topk(a)", "1:1: topk takes a number and a vector, not 1"},
      {"ä", "1:1: a character that no expression has (names are ASCII; text stands in quotes)"},
      {"\"ä\" + \"x", "1:7: the text has no end (close it with \")"},
  };
  for (const auto& one : cases) EXPECT_EQ(error_of(one.text), one.says) << one.text;
  EXPECT_THAT(error_of("foo(a)"), HasSubstr("1:1: there is no function foo (functions: abs, absent, "));
}

TEST(PromQl, DepthAndLengthAreBounded) {
  EXPECT_THAT(error_of(std::string(10'000, '(') + "a"), HasSubstr("more than 100 operations and parentheses"));
  std::string chain = "a";
  for (int i = 0; i < 200; ++i) chain += "+a";
  EXPECT_THAT(error_of(chain), HasSubstr("more than 100 operations and parentheses"));
  EXPECT_THAT(error_of(std::string(kExpressionBytesMax + 1, ' ')), HasSubstr("longer than 65536 bytes"));
  EXPECT_THAT(error_of(std::string(50'000, '-') + "a"), HasSubstr("more than 100 operations"));
}

TEST(PromQl, SelectorsFitByNameAndLabels) {
  Known source;
  source.add({{"__name__", "a"}, {"x", "1"}}, {5});
  source.add({{"__name__", "a"}, {"x", "22"}}, {6});
  source.add({{"__name__", "b"}, {"x", "1"}}, {7});
  EXPECT_THAT(value_of(source, "a"), UnorderedElementsAre(VectorSample{{{"__name__", "a"}, {"x", "1"}}, 5},
                                                          VectorSample{{{"__name__", "a"}, {"x", "22"}}, 6}));
  EXPECT_EQ(number_of(source, "a{x=\"1\"}"), 5);
  EXPECT_EQ(number_of(source, "a{x!=\"1\"}"), 6);
  EXPECT_EQ(number_of(source, "a{x=~\"2.\"}"), 6);
  EXPECT_EQ(number_of(source, "a{x!~\"2.*\"}"), 5);
  EXPECT_THAT(value_of(source, "a{x=~\"2\"}"), IsEmpty());  // anchored
  EXPECT_THAT(value_of(source, "a{y!=\"\"}"), IsEmpty());
  EXPECT_EQ(number_of(source, "count({__name__=~\"a|b\",y=\"\"})"), 3);
}

TEST(PromQl, ComparisonsKeepOrCount) {
  Known source;
  source.add({{"__name__", "cost"}, {"run", "1"}}, {0.02});
  source.add({{"__name__", "cost"}, {"run", "2"}}, {0.005});
  EXPECT_THAT(value_of(source, "cost > 0.01"),
              UnorderedElementsAre(VectorSample{{{"__name__", "cost"}, {"run", "1"}}, 0.02}));
  EXPECT_THAT(value_of(source, "0.01 > cost"),
              UnorderedElementsAre(VectorSample{{{"__name__", "cost"}, {"run", "2"}}, 0.005}));
  EXPECT_THAT(value_of(source, "cost > bool 0.01"),
              UnorderedElementsAre(VectorSample{{{"run", "1"}}, 1}, VectorSample{{{"run", "2"}}, 0}));
  EXPECT_EQ(number_of(source, "1 + 2 * 3 ^ 2 % 4"), 3);  // 2 * 9 % 4 = 2
  EXPECT_EQ(number_of(source, "2 ^ 3 ^ 2"), 512);
  EXPECT_EQ(number_of(source, "-2 ^ 2"), -4);
}

TEST(PromQl, VectorsMatchOneToOne) {
  Known source;
  source.add({{"__name__", "errors"}, {"job", "a"}, {"code", "500"}}, {3});
  source.add({{"__name__", "errors"}, {"job", "b"}, {"code", "500"}}, {8});
  source.add({{"__name__", "calls"}, {"job", "a"}}, {30});
  source.add({{"__name__", "calls"}, {"job", "c"}}, {1});
  EXPECT_THAT(value_of(source, "errors / on (job) calls"), UnorderedElementsAre(VectorSample{{{"job", "a"}}, 0.1}));
  EXPECT_THAT(value_of(source, "errors / ignoring (code) calls"),
              UnorderedElementsAre(VectorSample{{{"job", "a"}}, 0.1}));
  EXPECT_THAT(value_of(source, "errors / calls"), IsEmpty());
  EXPECT_EQ(number_of(source, "count(errors and on (job) calls)"), 1);
  EXPECT_EQ(number_of(source, "count(errors unless on (job) calls)"), 1);
  EXPECT_EQ(number_of(source, "count(errors or on (job) calls)"), 3);
  const auto several = parse("calls / on () errors");
  ASSERT_TRUE(several);
  const auto failed = evaluate(*several, source, kNow);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().text(), HasSubstr("1:7: several series on the right match {}"));
}

TEST(PromQl, AggregationsGroup) {
  Known source;
  source.add({{"__name__", "a"}, {"x", "1"}, {"y", "p"}}, {1});
  source.add({{"__name__", "a"}, {"x", "1"}, {"y", "q"}}, {4});
  source.add({{"__name__", "a"}, {"x", "2"}, {"y", "p"}}, {10});
  EXPECT_THAT(value_of(source, "sum by (x) (a)"),
              UnorderedElementsAre(VectorSample{{{"x", "1"}}, 5}, VectorSample{{{"x", "2"}}, 10}));
  EXPECT_THAT(value_of(source, "max without (y) (a)"),
              UnorderedElementsAre(VectorSample{{{"x", "1"}}, 4}, VectorSample{{{"x", "2"}}, 10}));
  EXPECT_EQ(number_of(source, "avg(a)"), 5);
  EXPECT_EQ(number_of(source, "min(a)"), 1);
  EXPECT_EQ(number_of(source, "count(a)"), 3);
  EXPECT_EQ(number_of(source, "quantile(0.25, a)"), 2.5);  // between 1 and 4
  EXPECT_THAT(value_of(source, "topk(1, a)"),
              UnorderedElementsAre(VectorSample{{{"__name__", "a"}, {"x", "2"}, {"y", "p"}}, 10}));
  EXPECT_EQ(number_of(source, "bottomk(1, a)"), 1);
  EXPECT_THAT(value_of(source, "sum(nothing)"), IsEmpty());
}

TEST(PromQl, RatesReachToTheEndsOfTheRange) {
  Known source;
  // 0, 10, … 50: one more each 6 s; the range has 5 minutes of it, whole.
  source.add({{"__name__", "c"}}, {0, 10, 20, 30, 40, 50});
  EXPECT_DOUBLE_EQ(number_of(source, "increase(c[5m])"), 50);
  EXPECT_DOUBLE_EQ(number_of(source, "rate(c[5m])"), 50.0 / 300);
  // [10m] has 300 s of samples before which the counter was 0: nothing is added there.
  EXPECT_DOUBLE_EQ(number_of(source, "increase(c[10m])"), 50);
  EXPECT_DOUBLE_EQ(number_of(source, "irate(c[5m])"), 10.0 / 60);
  // 150 s back: samples 30 and 60 s from the ends, the average 60: both ends are reached; 20 in 120 s, 25 in 150.
  EXPECT_DOUBLE_EQ(number_of(source, "increase(c[150s])"), 25);
  Known restarted;
  restarted.add({{"__name__", "c"}}, {100, 130, 20, 50});  // 30, then 20 from 0, then 30
  EXPECT_DOUBLE_EQ(number_of(restarted, "increase(c[3m])"), 80);
  EXPECT_DOUBLE_EQ(number_of(restarted, "delta(c[3m])"), -50);
  EXPECT_THAT(value_of(restarted, "rate(c[30s])"), IsEmpty());  // one sample has no rate
}

TEST(PromQl, FunctionsOverTime) {
  Known source;
  source.add({{"__name__", "g"}}, {4, 1, 7, 2});
  EXPECT_EQ(number_of(source, "avg_over_time(g[5m])"), 3.5);
  EXPECT_EQ(number_of(source, "sum_over_time(g[5m])"), 14);
  EXPECT_EQ(number_of(source, "min_over_time(g[5m])"), 1);
  EXPECT_EQ(number_of(source, "max_over_time(g[5m])"), 7);
  EXPECT_EQ(number_of(source, "count_over_time(g[5m])"), 4);
  EXPECT_EQ(number_of(source, "last_over_time(g[5m])"), 2);
  EXPECT_EQ(number_of(source, "quantile_over_time(0.5, g[5m])"), 3);  // between 2 and 4
  EXPECT_EQ(number_of(source, "g offset 1m"), 7);
  EXPECT_EQ(number_of(source, "max_over_time(g[1m] offset 2m)"), 4);  // both ends belong to it
  EXPECT_EQ(number_of(source, "round(g * 1.3)"), 3);
  EXPECT_EQ(number_of(source, "absent(nothing{x=\"1\"})"), 1);
  EXPECT_THAT(value_of(source, "absent(g)"), IsEmpty());
  EXPECT_EQ(number_of(source, "scalar(g) + time()"), 2 + kNow / 1000);
}

TEST(PromQl, AHistogramsQuantileLiesWithinItsBucket) {
  Known source;
  for (const auto& [le, count] : {std::pair("0.1", 10.0), {"0.5", 30.0}, {"1", 40.0}, {"+Inf", 40.0}}) {
    source.add({{"__name__", "h_bucket"}, {"le", le}}, {count});
  }
  // The 20th of 40: halfway through the 20 of (0.1, 0.5].
  EXPECT_DOUBLE_EQ(number_of(source, "histogram_quantile(0.5, h_bucket)"), 0.3);
  EXPECT_DOUBLE_EQ(number_of(source, "histogram_quantile(0.1, h_bucket)"), 0.04);
  EXPECT_DOUBLE_EQ(number_of(source, "histogram_quantile(1, h_bucket)"), 1);
  EXPECT_TRUE(std::isinf(number_of(source, "histogram_quantile(2, h_bucket)")));
}

TEST(PromQl, ATrailingRangeIsOverTheSeriesOfThatTime) {
  Known source;
  const auto run = [&source](const char* id, double cost, std::int64_t minutes_ago) {
    source.add_once({{"__name__", "meshflow_run_cost_usd"}, {"run_id", id}}, cost, minutes_ago * kMinute, 10 * kMinute);
  };
  run("a", 0.02, 1);
  run("b", 0.03, 9);
  run("c", 0.04, 29);
  run("d", 0.001, 2);
  run("e", 0.05, 31);
  EXPECT_EQ(number_of(source, "count(meshflow_run_cost_usd > 0.01)"), 2);  // a run counts for ten minutes
  EXPECT_EQ(number_of(source, "count(meshflow_run_cost_usd > 0.01)[10m]"), 2);
  EXPECT_EQ(number_of(source, "count(meshflow_run_cost_usd > 0.01)[30m] > 2"), 3);
  EXPECT_EQ(number_of(source, "count(meshflow_run_cost_usd > 0.01)[5m]"), 1);
  EXPECT_EQ(number_of(source, "count((meshflow_run_cost_usd)[30m] > 0.01)"), 3);
  EXPECT_THAT(value_of(source, "count(meshflow_run_cost_usd > 0.01)[10m] > 3"), IsEmpty());
  // The innermost counts, and only for what is in it.
  EXPECT_EQ(number_of(source, "count(meshflow_run_cost_usd)[5m] + count(meshflow_run_cost_usd)[1h]"), 2 + 5);
}

}  // namespace
}  // namespace meshflow::query::promql
