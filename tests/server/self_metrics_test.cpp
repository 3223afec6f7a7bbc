#include "server/self_metrics.hpp"

#include <limits>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "net/http_router.hpp"
#include "net/raw_client.hpp"
#include "server/server_metrics.hpp"

namespace meshflow::server {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(MetricsTextTest, IsWrittenAsPrometheusReadsIt) {
  MetricsText text;
  text.counter("requests_total", "All \\ of\nthem.", {{"a", "x\"y\\z\n"}, {"b", ""}}, 18446744073709551615u);
  text.gauge("size", "Now.", {}, 0.5);
  text.counter("requests_total", "", {}, 2);
  text.gauge("size", "", {{"of", "\xff"}}, std::numeric_limits<double>::infinity());
  EXPECT_EQ(text.text(),
            "# HELP requests_total All \\\\ of\\nthem.\n"
            "# TYPE requests_total counter\n"
            "requests_total{a=\"x\\\"y\\\\z\\n\",b=\"\"} 18446744073709551615\n"
            "requests_total 2\n"
            "# HELP size Now.\n"
            "# TYPE size gauge\n"
            "size 0.5\n"
            "size{of=\"\xEF\xBF\xBD\"} +Inf\n");
}

TEST(MetricsTextTest, WritesHistogramsCumulatively) {
  Histogram histogram({0.5, 1});
  for (const double value : {0.25, 0.5, 0.75, 2.0}) histogram.observe(value);
  MetricsText text;
  text.histogram("seconds", "Time.", {{"query", "q"}}, histogram.snapshot());
  EXPECT_EQ(text.text(),
            "# HELP seconds Time.\n"
            "# TYPE seconds histogram\n"
            "seconds_bucket{query=\"q\",le=\"0.5\"} 2\n"
            "seconds_bucket{query=\"q\",le=\"1\"} 3\n"
            "seconds_bucket{query=\"q\",le=\"+Inf\"} 4\n"
            "seconds_sum{query=\"q\"} 3.5\n"
            "seconds_count{query=\"q\"} 4\n");
}

TEST(HistogramTest, LosesNothingBetweenThreads) {
  Histogram histogram({1});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) histogram.observe(0.5);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(histogram.snapshot().counts, (std::vector<std::uint64_t>{40'000, 0}));
  EXPECT_EQ(histogram.snapshot().sum, 20'000);
}

TEST(HistogramFamilyTest, KeepsToItsNumberOfSeries) {
  HistogramFamily family({1});
  Histogram& first = family.at("0");
  for (int i = 0; i < 1000; ++i) family.at(std::to_string(i)).observe(0);
  EXPECT_EQ(&family.at("0"), &first);
  const auto snapshots = family.snapshots();
  ASSERT_EQ(snapshots.size(), HistogramFamily::kSeriesMax + 1);
  EXPECT_EQ(snapshots.back().first, "other");
  EXPECT_EQ(snapshots.back().second.counts[0], 900u);
}

TEST(SelfMetricsTest, AnswersScrapesWithWhatThePartsTell) {
  SelfMetrics metrics;
  HistogramFamily durations(duration_bounds());
  metrics.add([](MetricsText& text) {
    write_metrics(text, "http", ReceiverStats{.requests = 7, .refused_overloaded = 2});
    write_metrics(text, "grpc", ReceiverStats{.requests = 3});
    write_metrics(text, store::StoreStats{.received_spans = 11, .trouble = "no space left"});
  });
  metrics.add([&](MetricsText& text) { write_query_metrics(text, durations); });
  net::HttpRouter router;
  router.add("GET", "/metrics", timed(durations.at("metrics"), metrics_handler(metrics)));
  net::IoThreads threads(1);
  const auto server = net::HttpServer::listen(threads, {.name = "metrics"}, net::handler_of(router));
  net::RawClient client((*server)->address().port);
  std::string response;
  for (int i = 0; i < 2; ++i) {
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    response = client.read_response();
  }
  EXPECT_THAT(response,
              AllOf(HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                    HasSubstr("meshflow_receiver_requests_total{transport=\"http\"} 7\n"
                              "meshflow_receiver_requests_total{transport=\"grpc\"} 3\n"),
                    HasSubstr("meshflow_receiver_refused_requests_total{transport=\"http\",reason=\"overloaded\"} 2\n"),
                    HasSubstr("meshflow_store_spans_total 11\n"), HasSubstr("meshflow_store_in_trouble 1\n"),
                    EndsWith("meshflow_query_duration_seconds_count{query=\"metrics\"} 1\n")));
}

}  // namespace
}  // namespace meshflow::server
