// Metrics made of spans, and the series that alert rules look at: over a real store, while spans move to DuckDB.
#include "query/span_metrics.hpp"

#include <algorithm>

#include "query/promql/evaluator.hpp"
#include "query/promql/parser.hpp"
#include "query/service_graph.hpp"
#include "query/store_series.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::query {
namespace {

using store::test::kStart;
using store::test::make_span;
using store::test::request_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStartMs = static_cast<std::int64_t>(kStart / 1'000'000);

otlp::KeyValue attribute(std::string key, otlp::AnyValue::Variant value) {
  return {std::move(key), {std::move(value)}};
}

std::size_t family(std::string_view name) {
  const auto all = metric_families();
  return static_cast<std::size_t>(
      std::find_if(all.begin(), all.end(), [name](const auto& each) { return each.name == name; }) - all.begin());
}

class SpanMetricsTest : public store::test::StoreTest {
 protected:
  void SetUp() override { open(); }

  // A span that ends so many seconds after kStart.
  otlp::Span& add(const std::string& name, std::int64_t ends_s, std::uint64_t duration = 1'000'000) {
    ++last_id_;
    otlp::Span& span = spans_.emplace_back(make_span(last_id_, last_id_, name));
    span.end_time_unix_nano = kStart + static_cast<std::uint64_t>(ends_s * static_cast<std::int64_t>(kSecond));
    span.start_time_unix_nano = span.end_time_unix_nano - duration;
    return span;
  }
  void run(double cost, std::int64_t ends_s, const char* workflow = "answer") {
    otlp::Span& span = add("meshflow.run", ends_s, kSecond);
    span.attributes = {attribute("meshflow.run_id", "run_" + std::to_string(last_id_)),
                       attribute("meshflow.workflow.name", std::string(workflow)),
                       attribute("meshflow.cost_usd", cost)};
  }
  void keep_all() { keep(request_of(std::exchange(spans_, {}))); }
  void refresh() {
    auto snapshot = store_->snapshot();
    ASSERT_TRUE(snapshot);
    const auto done = metrics_.refresh(*snapshot);
    ASSERT_TRUE(done) << done.error().text();
  }
  std::uint64_t calls() {
    refresh();
    const auto all = metrics_.series();
    std::uint64_t count = 0;
    for (const auto& [labels, cell] : all[family("traces_spanmetrics_calls_total")]) count += cell.counts[0];
    return count;
  }
  promql::Vector value_of(std::string_view text, std::int64_t at_s) {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    EXPECT_TRUE(metrics_.refresh(*snapshot));
    StoreSeries series(*snapshot, metrics_);
    const auto expr = promql::parse(text);
    EXPECT_TRUE(expr) << expr.error().text();
    EXPECT_TRUE(StoreSeries::check(*expr));
    auto made = promql::evaluate(*expr, series, kStartMs + at_s * 1'000);
    EXPECT_TRUE(made) << made.error().text();
    return made ? std::move(*made) : promql::Vector{};
  }
  double number_of(std::string_view text, std::int64_t at_s) {
    const auto made = value_of(text, at_s);
    EXPECT_EQ(made.size(), 1) << text;
    return made.size() == 1 ? made[0].value : -1;
  }

  std::vector<otlp::Span> spans_;
  std::uint64_t last_id_ = 0;
  SpanMetrics metrics_;
};

TEST_F(SpanMetricsTest, EachSpanIsCountedOnceWhileSpansMoveToDuckDb) {
  add("a", 1);
  add("b", 2);
  keep_all();
  EXPECT_EQ(calls(), 2);
  EXPECT_EQ(calls(), 2);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(calls(), 2);
  add("a", 3);
  keep_all();
  EXPECT_EQ(calls(), 3);
  ASSERT_TRUE(store_->flush());
  add("a", 4);
  keep_all();
  EXPECT_EQ(calls(), 4);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(calls(), 4);
}

TEST_F(SpanMetricsTest, LatenciesFallIntoTempoSBuckets) {
  add("a", 1, 2'000'000);   // 2 ms: the first bucket's bound belongs to it
  add("a", 1, 2'000'001);   // the second
  add("a", 60, 40 * kSecond);  // beyond the last
  keep_all();
  refresh();
  const auto series = metrics_.series()[family("traces_spanmetrics_latency")];
  ASSERT_EQ(series.size(), 1);
  EXPECT_EQ(series.begin()->first, (LabelValues{"shop", "a", "SPAN_KIND_INTERNAL", "STATUS_CODE_UNSET"}));
  const MetricCell& cell = series.begin()->second;
  EXPECT_EQ(cell.counts[0], 1);
  EXPECT_EQ(cell.counts[1], 1);
  EXPECT_EQ(cell.counts.back(), 1);
  EXPECT_NEAR(cell.sum, 40.004000001, 1e-12);
}

TEST_F(SpanMetricsTest, BeyondTheLimitOfSeriesSpansAreCountedTogether) {
  for (std::size_t i = 0; i < kMetricSeriesMax + 20; ++i) add("name " + std::to_string(i), 1);
  keep_all();
  refresh();
  const auto series = metrics_.series()[family("traces_spanmetrics_calls_total")];
  EXPECT_EQ(series.size(), kMetricSeriesMax + 1);
  EXPECT_EQ(series.at(LabelValues(4, "other")).counts[0], 20);
  EXPECT_EQ(metrics_.overflow()[family("traces_spanmetrics_calls_total")], 20);
}

TEST_F(SpanMetricsTest, ARunSCostIsASeriesForTenMinutesAfterItsEnd) {
  run(0.02, 100);
  run(0.005, 200);
  keep_all();
  EXPECT_THAT(value_of("meshflow_run_cost_usd", 99), IsEmpty());
  EXPECT_EQ(number_of("count(meshflow_run_cost_usd)", 200), 2);
  EXPECT_EQ(number_of("count(meshflow_run_cost_usd)", 700), 2);
  EXPECT_EQ(number_of("count(meshflow_run_cost_usd)", 701), 1);
  EXPECT_EQ(number_of("count(meshflow_run_cost_usd)[1h]", 701), 2);
  EXPECT_EQ(number_of("sum(sum_over_time(meshflow_run_cost_usd[1h]))", 900), 0.025);
  EXPECT_THAT(value_of("meshflow_run_cost_usd > 0.01", 300),
              UnorderedElementsAre(promql::VectorSample{
                  {{"__name__", "meshflow_run_cost_usd"}, {"run_id", "run_1"}, {"workflow", "answer"}}, 0.02}));
}

TEST_F(SpanMetricsTest, TheLessonSAlertCountsRunsOfTenMinutes) {
  for (int i = 0; i < 4; ++i) run(0.011, 60 * i);
  run(0.01, 200);
  keep_all();
  EXPECT_EQ(number_of("count(meshflow_run_cost_usd > 0.01)[10m] > 3", 300), 4);
  EXPECT_THAT(value_of("count(meshflow_run_cost_usd > 0.01)[10m] > 3", 601), IsEmpty());  // the first is too long ago
}

TEST_F(SpanMetricsTest, IncreasesAreWhatEndedWithinTheRange) {
  for (const int ends : {10, 20, 130, 140, 150, 400}) add("a", ends);
  keep_all();
  ASSERT_TRUE(store_->flush());
  // (100, 400]: 130, 140, 150 and 400 itself.
  EXPECT_EQ(number_of("increase(traces_spanmetrics_calls_total[5m])", 400), 4);
  EXPECT_EQ(number_of("increase(traces_spanmetrics_calls_total[5m])", 399), 3);
  EXPECT_EQ(number_of("increase(traces_spanmetrics_calls_total[5m] offset 250s)", 400), 5);  // (-150, 150]
  EXPECT_EQ(number_of("traces_spanmetrics_calls_total", 145), 4);
  EXPECT_EQ(number_of("traces_spanmetrics_calls_total", 1'000'000), 6);
  EXPECT_DOUBLE_EQ(number_of("rate(traces_spanmetrics_calls_total[5m])", 400), 4.0 / 300);
  // A sample every 15 s.
  EXPECT_EQ(number_of("count_over_time(traces_spanmetrics_calls_total[5m])", 400), 21);
}

TEST_F(SpanMetricsTest, HistogramsHaveTheirThreeParts) {
  run(0.004, 10);  // (0.0025, 0.005]
  run(0.02, 20);  // (0.01, 0.025]
  keep_all();
  EXPECT_EQ(number_of("meshflow_run_cost_distribution_usd_bucket{le=\"0.005\"}", 30), 1);
  EXPECT_EQ(number_of("meshflow_run_cost_distribution_usd_bucket{le=\"+Inf\"}", 30), 2);
  EXPECT_EQ(number_of("meshflow_run_cost_distribution_usd_count", 15), 1);
  EXPECT_DOUBLE_EQ(number_of("increase(meshflow_run_cost_distribution_usd_sum[1m])", 30), 0.024);
  // The first of two lies at the end of its bucket.
  EXPECT_DOUBLE_EQ(number_of("histogram_quantile(0.5, rate(meshflow_run_cost_distribution_usd_bucket[1m]))", 30),
                   0.005);
}

// A client's span in the shop, and the warehouse's of its server.
class ServiceGraphTest : public SpanMetricsTest {
 protected:
  otlp::Span client(std::uint64_t trace) {
    otlp::Span span = make_span(trace, 1, "call");
    span.kind = otlp::SpanKind::client;
    span.end_time_unix_nano = span.start_time_unix_nano + 300'000'000;
    return span;
  }
  otlp::Span server(std::uint64_t trace) {
    otlp::Span span = make_span(trace, 2, "answer");
    span.kind = otlp::SpanKind::server;
    span.parent_span_id = store::test::span_id(1);
    span.end_time_unix_nano = span.start_time_unix_nano + 150'000'000;
    return span;
  }
  std::string edges() {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    const auto done = graph_.refresh(*snapshot);
    EXPECT_TRUE(done) << done.error().text();
    std::string text;
    for (const auto& [names, edge] : graph_.edges()) {
      text += names[0] + ">" + names[1] + ":" + std::to_string(edge.calls) + "/" + std::to_string(edge.failed) + " ";
    }
    return text;
  }
  ServiceGraph graph_;
};

TEST_F(ServiceGraphTest, ACallIsCountedOnceWhicheverSpanComesFirst) {
  keep(request_of({server(1)}, "warehouse"));
  EXPECT_EQ(edges(), "");
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(edges(), "");
  keep(request_of({client(1)}));
  EXPECT_EQ(edges(), "shop>warehouse:1/0 ");
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(edges(), "shop>warehouse:1/0 ");
  keep(request_of({client(2), client(3)}));
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(edges(), "shop>warehouse:1/0 ");
  otlp::Span failed = server(3);
  failed.status.code = otlp::StatusCode::error;
  keep(request_of({server(2), failed}, "warehouse"));
  EXPECT_EQ(edges(), "shop>warehouse:3/1 ");
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(edges(), "shop>warehouse:3/1 ");
  EXPECT_EQ(edges(), "shop>warehouse:3/1 ");
  const ServiceEdge edge = graph_.edges().begin()->second;
  EXPECT_EQ(edge.client_seconds.counts[2], 3);  // 0.3 s: (0.2, 0.4]
  EXPECT_EQ(edge.server_seconds.counts[1], 3);
  EXPECT_DOUBLE_EQ(edge.server_seconds.sum, 0.45);
}

TEST_F(ServiceGraphTest, SpansOfOtherKindsAreNoCalls) {
  otlp::Span inner = server(1);
  inner.kind = otlp::SpanKind::internal;
  keep(request_of({client(1), inner}));
  EXPECT_EQ(edges(), "");
}

TEST_F(SpanMetricsTest, AMetricThatThereIsNotIsSaidWithItsPlace) {
  const auto known = StoreSeries::check(promql::parse("sum(meshflow_run_cost_eur) > 1").value());
  ASSERT_FALSE(known);
  EXPECT_THAT(known.error().text(), HasSubstr("1:5: there is no metric meshflow_run_cost_eur (metrics: "));
}

}  // namespace
}  // namespace meshflow::query
