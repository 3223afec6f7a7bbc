// TraceQL metrics over a real store: the ways in which they are answered agree, and limits are named.
#include "query/traceql/metrics.hpp"

#include <cmath>

#include "query/traceql/check.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::query::traceql {
namespace {

using store::test::kStart;
using store::test::make_span;
using store::test::request_of;
using store::test::span_id;
using store::test::trace_id;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
// A whole minute, before all spans.
constexpr std::uint64_t kZero = kStart - kStart % kMinute;

std::string where_name(const ::testing::TestParamInfo<bool>& where) { return where.param ? "InDuckDb" : "InMemory"; }

class TraceqlMetricsTest : public store::test::StoreTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override { open(); }
  void settle() {
    if (!GetParam()) return;
    ASSERT_TRUE(store_->flush());
  }
  Result<MetricsResult> ask(const std::string& text, const MetricsOptions& options) {
    auto query = compile_query(text);
    EXPECT_TRUE(query) << query.error().text();
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    return metrics(*snapshot, std::get<Metrics>(query->query().of), options);
  }
  // "labels: values; …", nothing for a point without a value.
  std::string answer(const std::string& text, const MetricsOptions& options) {
    const auto result = ask(text, options);
    if (!result) return result.error().text();
    std::string out;
    for (const Series& series : result->series) {
      if (!out.empty()) out += "; ";
      for (const Label& label : series.labels) out += label.name + "=" + text_of(label.value) + " ";
      for (const double value : series.values) out += std::isnan(value) ? "- " : fmt_number(value) + " ";
      out.pop_back();
    }
    return out;
  }
  static std::string fmt_number(double value) { return text_of(Cell{value}); }
  static otlp::Span span_at(std::uint64_t number, std::uint64_t at, const std::string& role, double cost) {
    otlp::Span span = make_span(number, number, "agent");
    span.start_time_unix_nano = kZero + at;
    span.end_time_unix_nano = span.start_time_unix_nano + number * kSecond;
    span.attributes = {
        {"meshflow.role", {role}}, {"meshflow.cost_usd", {cost}}, {"size", {static_cast<std::int64_t>(number)}}};
    return span;
  }
  static MetricsOptions over(std::uint64_t minutes, std::uint64_t step = kMinute) {
    MetricsOptions options;
    options.range = {kZero, kZero + minutes * kMinute};
    options.step = step;
    return options;
  }
  // Four spans of 1 to 4 seconds in the first three minutes.
  void keep_agents() {
    keep(request_of({span_at(1, 10 * kSecond, "critic", 0.1), span_at(2, kMinute, "critic", 0.2),
                     span_at(3, kMinute + 1, "planner", 0.3), span_at(4, 3 * kMinute, "critic", 0.4)}));
    settle();
  }
};
INSTANTIATE_TEST_SUITE_P(Where, TraceqlMetricsTest, ::testing::Bool(), where_name);

TEST_P(TraceqlMetricsTest, AnIntervalEndsWithItsSample) {
  keep_agents();
  EXPECT_EQ(answer("{ } | count_over_time()", over(3)), "__name__=count_over_time 2 1 1");
  const auto result = ask("{ } | rate()", over(3));
  ASSERT_TRUE(result);
  EXPECT_THAT(result->times, ElementsAre(kZero + kMinute, kZero + 2 * kMinute, kZero + 3 * kMinute));
}

// The same question in words that DuckDB answers, that are looked at row by row, and that need whole traces.
TEST_P(TraceqlMetricsTest, AllWaysGiveTheSameAnswer) {
  keep_agents();
  for (const char* const function :
       {"count_over_time()", "sum_over_time(duration)", "avg_over_time(span.size)",
        "min_over_time(span.meshflow.cost_usd)", "max_over_time(.size)", "quantile_over_time(duration, 0, .3, 1)",
        "histogram_over_time(duration)", "sum_over_time(.cost_usd)"}) {
    for (const char* const by :
         {"", " by (span.meshflow.role)", " by (.role, name)", " by (resource.service.name, kind)"}) {
      const std::string stage = std::string(" | ") + function + by;
      const std::string by_sql = answer("{ name = \"agent\" }" + stage, over(3));
      EXPECT_EQ(answer("{ name = \"agent\" && duration * 2 > 0s }" + stage, over(3)), by_sql) << stage;
      EXPECT_EQ(answer("{ name = \"agent\" && traceDuration > 0s }" + stage, over(3)), by_sql) << stage;
    }
  }
}

TEST_P(TraceqlMetricsTest, SumsOfMoneyAreExactHoweverTheyAreCut) {
  std::vector<otlp::Span> spans;
  for (std::uint64_t i = 1; i <= 1'000; ++i) spans.push_back(span_at(i, i * kSecond / 10, "critic", 0.1));
  keep(request_of(spans));
  settle();
  EXPECT_EQ(answer("{ } | sum(span.meshflow.cost_usd)", over(2)), "100");
  EXPECT_EQ(answer("{ } | sum_over_time(span.meshflow.cost_usd)", over(2)), "__name__=sum_over_time 60 40");
  EXPECT_EQ(answer("{ traceDuration > 0s } | sum(span.meshflow.cost_usd)", over(2)), "100");
}

TEST_P(TraceqlMetricsTest, AWholeResultStandsForEveryPoint) {
  keep_agents();
  EXPECT_EQ(answer("({ } | count_over_time()) / ({ } | count())", over(3)), "0.5 0.25 0.25");
}

TEST_P(TraceqlMetricsTest, AnArrayIsALabelToo) {
  otlp::Span span = span_at(1, kSecond, "critic", 1);
  span.attributes.push_back({"tags", {otlp::ArrayValue{{std::string("a")}, {std::string("b")}}}});
  keep(request_of({span}));
  settle();
  EXPECT_EQ(answer("{ } | count() by (span.tags)", over(1)), "span.tags=[\"a\",\"b\"] 1");
}

TEST_P(TraceqlMetricsTest, ExemplarsNameASpanOfTheirPoint) {
  keep_agents();
  MetricsOptions options = over(3);
  options.exemplars_max = 10;
  for (const char* const text : {"{ } | max_over_time(duration) by (span.meshflow.role)",
                                 "{ traceDuration > 0s } | max_over_time(duration) by (span.meshflow.role)"}) {
    const auto result = ask(text, options);
    ASSERT_TRUE(result) << result.error().text();
    ASSERT_EQ(result->series.size(), 2u);
    const Series& planner = result->series[1];
    ASSERT_EQ(planner.exemplars.size(), 1u);
    EXPECT_EQ(planner.exemplars[0].trace_id, trace_id(3));
    EXPECT_EQ(planner.exemplars[0].span_id, span_id(3));
    EXPECT_EQ(planner.exemplars[0].value, 3);
  }
}

TEST_P(TraceqlMetricsTest, LimitsAreNamed) {
  keep_agents();
  MetricsOptions options = over(3, 1);
  EXPECT_THAT(answer("{ } | rate()", options), HasSubstr("kPointsMax"));
  options = over(3);
  options.range.to = options.range.from;
  EXPECT_THAT(answer("{ } | rate()", options), HasSubstr("empty"));
  options = over(3);
  options.limits.time_max = std::chrono::milliseconds(0);
  const auto late = ask("{ traceDuration > 0s } | rate()", options);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::timeout);
}

}  // namespace
}  // namespace meshflow::query::traceql
