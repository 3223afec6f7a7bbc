#include "telemetry/exporters/otlp_http.hpp"

#include <thread>

#include <gmock/gmock.h>

#include "otlp/decode.hpp"
#include "otlp/encode.hpp"
#include "otlp/json.hpp"
#include "support/http_server.hpp"
#include "telemetry_export/batch_builder.hpp"
#include "telemetry_export/manual_retry_clock.hpp"

namespace meshflow::telemetry {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::BatchBuilder;
using test::HttpServer;
using test::make_span;
using test::ManualRetryClock;
using test::RetryWaits;
using test::ScriptedReply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

const auto kFarDeadline = SteadyTime::max();

class OtlpHttp : public ::testing::Test {
 protected:
  std::unique_ptr<SpanExporter> make(OtlpHttpOptions options = {}) {
    if (options.url.empty()) options.url = server_.url("/v1/traces");
    auto exporter = make_otlp_http_exporter(std::move(options), std::make_unique<ManualRetryClock>(waits_));
    EXPECT_TRUE(exporter);
    return std::move(*exporter);
  }
  static std::vector<std::string> span_names(const otlp::TracesData& data) {
    std::vector<std::string> names;
    for (const auto& resource : data.resource_spans) {
      for (const auto& scope : resource.scope_spans) {
        for (const auto& span : scope.spans) names.push_back(span.name);
      }
    }
    return names;
  }
  // The names of the spans of one request.
  static std::vector<std::string> names_in(const test::RecordedRequest& request) {
    const auto decoded = otlp::decode_traces(request.body);
    EXPECT_TRUE(decoded);
    return span_names(decoded->value);
  }

  HttpServer server_;
  RetryWaits waits_;
  BatchBuilder two_spans_ = std::move(BatchBuilder().add(make_span("a", 1)).add(make_span("b", 2)));
};

TEST_F(OtlpHttp, ProtobufArrivesWithTheHeadersOfTheSpecification) {
  const auto exporter = make({.headers = {{"Authorization", "Bearer x"}}});
  const auto outcome = exporter->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u);
  EXPECT_EQ(outcome.dropped, 0u);
  EXPECT_EQ(outcome.error, "");
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].target, "/v1/traces");
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/x-protobuf");
  EXPECT_EQ(requests[0].headers.at("authorization"), "Bearer x");
  EXPECT_THAT(requests[0].headers.at("user-agent"), MatchesRegex("OTel-OTLP-Exporter-Cpp/[0-9.]+ meshflow/[0-9.]+"));
  EXPECT_EQ(requests[0].headers.count("content-encoding"), 0u);
  EXPECT_THAT(names_in(requests[0]), ElementsAre("a", "b"));
}

TEST_F(OtlpHttp, JsonArrivesAsJson) {
  const auto outcome = make({.encoding = OtlpEncoding::json})->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/json");
  const auto decoded = otlp::decode_traces_json(requests[0].body);
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_THAT(span_names(decoded->value), ElementsAre("a", "b"));
}

TEST_F(OtlpHttp, GzipIsSaidAndCanBeUndone) {
  EXPECT_EQ(make({.gzip = true})->export_batch(two_spans_.batch(), kFarDeadline).exported, 2u);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].headers.at("content-encoding"), "gzip");
  EXPECT_EQ(requests[0].wire_body.substr(0, 2), "\x1f\x8b");
  EXPECT_THAT(names_in(requests[0]), ElementsAre("a", "b"));
}

TEST_F(OtlpHttp, NoEmptyEnvelopeIsSent) {
  const auto outcome = make()->export_batch(BatchBuilder().batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported + outcome.dropped, 0u);
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(OtlpHttp, RetriesWhatTheSpecificationNamesAndBrokenConnections) {
  // First, on a fresh connection: one that dies while it is reused is opened again by libcurl, without a wait.
  server_.script({.ending = ScriptedReply::Ending::reset});
  for (const int status : {429, 502, 503, 504}) server_.script({.status = status});
  const auto outcome = make({.timeout = 100s})->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 2u);
  EXPECT_EQ(server_.requests().size(), 6u);
  const auto waits = waits_.take();
  ASSERT_EQ(waits.size(), 5u);
  // 0.5, 1, 2, 4, 8 s, of which a random half to whole.
  milliseconds whole = 500ms;
  for (const auto wait : waits) {
    EXPECT_GE(wait, whole / 2);
    EXPECT_LE(wait, whole);
    whole *= 2;
  }
}

TEST_F(OtlpHttp, RetriesNothingElse) {
  for (const int status : {400, 401, 404, 413, 500, 501, 302}) {
    server_.script({.status = status, .headers = {{"Content-Type", "text/plain"}}, .body = "no\nway"});
    const auto outcome = make()->export_batch(two_spans_.batch(), kFarDeadline);
    EXPECT_EQ(outcome.dropped, 2u) << status;
    EXPECT_THAT(outcome.error, HasSubstr(std::to_string(status)));
    EXPECT_THAT(outcome.error, HasSubstr("no way"));
  }
  EXPECT_EQ(server_.requests().size(), 7u);
  EXPECT_THAT(waits_.take(), IsEmpty());
}

TEST_F(OtlpHttp, RetryAfterIsHonouredAsSecondsAndAsADate) {
  server_.script({.status = 503, .headers = {{"Retry-After", "0"}}});
  server_.script({.status = 503, .headers = {{"Retry-After", "1"}}});
  // ManualRetryClock stands at 1700000000, which is Tue, 14 Nov 2023 22:13:20 GMT.
  server_.script({.status = 429, .headers = {{"Retry-After", "Tue, 14 Nov 2023 22:13:23 GMT"}}});
  EXPECT_EQ(make()->export_batch(two_spans_.batch(), kFarDeadline).exported, 2u);
  EXPECT_THAT(waits_.take(), ElementsAre(0ms, 1000ms, 3000ms));
}

TEST_F(OtlpHttp, ARetryAfterPastTheTimeLimitIsNotWaitedFor) {
  server_.script({.status = 503, .headers = {{"Retry-After", "60"}}});
  const auto outcome = make({.timeout = 10s})->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.dropped, 2u);
  EXPECT_THAT(outcome.error, HasSubstr("503"));
  EXPECT_THAT(outcome.error, HasSubstr("1 try"));
  EXPECT_THAT(waits_.take(), IsEmpty());
}

TEST_F(OtlpHttp, ARefusedConnectionIsRetriedUntilTheTimeLimitThenCounted) {
  const std::string url = "http://127.0.0.1:" + std::to_string(test::unused_port()) + "/v1/traces";
  const auto outcome = make({.url = url, .timeout = 5s})->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.dropped, 2u);
  EXPECT_THAT(outcome.error, HasSubstr("gave up after"));
  const auto waits = waits_.take();
  EXPECT_GE(waits.size(), 3u);  // 0.5 + 1 + 2 s fit into 5 s
  milliseconds total{0};
  for (const auto wait : waits) total += wait;
  EXPECT_LT(total, 5s);
}

TEST_F(OtlpHttp, PartialSuccessIsCountedAndNotRetried) {
  otlp::ExportTraceServiceResponse response;
  response.rejected_spans = 1;
  response.error_message = "span b is too old";
  server_.script({.headers = {{"Content-Type", "application/x-protobuf"}}, .body = otlp::encode(response)});
  auto outcome = make()->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 1u);
  EXPECT_EQ(outcome.dropped, 1u);
  EXPECT_THAT(outcome.error, HasSubstr("span b is too old"));
  server_.script({.headers = {{"Content-Type", "application/json"}},
                  .body = R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}})"});
  outcome = make({.encoding = OtlpEncoding::json})->export_batch(two_spans_.batch(), kFarDeadline);
  EXPECT_EQ(outcome.dropped, 2u);
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(OtlpHttp, ALargeBatchIsSplitAndASpanThatNeverFitsIsDropped) {
  BatchBuilder builder;
  for (std::uint8_t i = 1; i <= 5; ++i) {
    auto span = make_span("s" + std::to_string(i), i);
    span.attributes = {test::attribute("pad", std::string(i == 3 ? 5000 : 600, 'x'))};
    builder.add(span);
  }
  const auto outcome = make({.request_bytes_max = 2000})->export_batch(builder.batch(), kFarDeadline);
  EXPECT_EQ(outcome.exported, 4u);
  EXPECT_EQ(outcome.dropped, 1u);
  EXPECT_THAT(outcome.error, HasSubstr("2000 bytes"));
  std::vector<std::string> names;
  for (const auto& request : server_.requests()) {
    EXPECT_LE(request.body.size(), 2000u);
    for (const auto& name : names_in(request)) names.push_back(name);
  }
  EXPECT_THAT(names, ElementsAre("s1", "s2", "s4", "s5"));
}

TEST_F(OtlpHttp, AHangingPeerCostsTheTimeLimitAndNoMore) {
  server_.reply_always({.ending = ScriptedReply::Ending::hang});
  const auto exporter = make_otlp_http_exporter({.url = server_.url("/v1/traces"), .timeout = 60s});
  const auto begin = std::chrono::steady_clock::now();
  const auto outcome = (*exporter)->export_batch(two_spans_.batch(), begin + 200ms);
  EXPECT_EQ(outcome.dropped, 2u);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 190ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST_F(OtlpHttp, CancelEndsARequestAndAWait) {
  server_.script({.ending = ScriptedReply::Ending::hang});
  const auto exporter = std::move(*make_otlp_http_exporter({.url = server_.url("/v1/traces"), .timeout = 60s}));
  std::thread canceller([&] {
    EXPECT_TRUE(server_.wait_for_requests(1));
    exporter->cancel();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(exporter->export_batch(two_spans_.batch(), kFarDeadline).dropped, 2u);
  canceller.join();

  server_.reply_always({.status = 503, .headers = {{"Retry-After", "50"}}});
  const auto waiting = std::move(*make_otlp_http_exporter({.url = server_.url("/v1/traces"), .timeout = 60s}));
  std::thread second([&] {
    EXPECT_TRUE(server_.wait_for_requests(2));
    waiting->cancel();
  });
  EXPECT_EQ(waiting->export_batch(two_spans_.batch(), kFarDeadline).dropped, 2u);
  second.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
}

TEST_F(OtlpHttp, AnEndpointThatIsNoUrlIsAnErrorThatNamesIt) {
  const auto exporter = make_otlp_http_exporter({.url = "localhost:4318"});
  ASSERT_FALSE(exporter);
  EXPECT_THAT(exporter.error().message, HasSubstr("localhost:4318"));
}

}  // namespace
}  // namespace meshflow::telemetry
