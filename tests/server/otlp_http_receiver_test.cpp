#include "server/otlp_http_receiver.hpp"

#include <tuple>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/bytes.hpp"
#include "net/content_encoding.hpp"
#include "net/http_client.hpp"
#include "net/raw_client.hpp"
#include "otlp/encode.hpp"
#include "otlp/json.hpp"
#include "server/decoding_sink.hpp"
#include "server/log_requests.hpp"
#include "telemetry/exporters/otlp_http.hpp"
#include "telemetry/exporters/rpc_status.hpp"
#include "telemetry_export/batch_builder.hpp"

namespace meshflow::server {
namespace {

using namespace std::chrono_literals;
using test::BatchBuilder;
using test::make_span;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kProtobuf = "application/x-protobuf";
constexpr const char* kJson = "application/json";
const auto kFarDeadline = std::chrono::steady_clock::time_point::max();

class OtlpHttpReceiverTest : public ::testing::Test {
 protected:
  OtlpHttpReceiverTest() { start({.name = "otlp-http"}); }

  void start(net::HttpServerOptions options) {
    receiver_.reset();
    auto receiver = OtlpHttpReceiver::start(threads_, std::move(options), sink_);
    if (!receiver) throw std::runtime_error(receiver.error().text());
    receiver_ = std::move(*receiver);
  }
  std::string url(const std::string& path = "/v1/traces") const {
    return "http://" + receiver_->address().text() + path;
  }
  net::HttpResponse post(std::string_view body, const std::string& content_type, net::HttpHeaders headers = {},
                         const std::string& path = "/v1/traces") {
    const std::string where = url(path);
    headers.emplace_back("Content-Type", content_type);
    auto response = client_.send({.url = where, .headers = std::move(headers), .body = body, .total_timeout = 60s});
    if (!response) throw std::runtime_error(response.error().message);
    return std::move(*response);
  }
  static otlp::TracesData traces(std::vector<otlp::Span> spans) {
    otlp::TracesData data;
    data.resource_spans.resize(1);
    data.resource_spans[0].scope_spans.resize(1);
    data.resource_spans[0].scope_spans[0].spans = std::move(spans);
    return data;
  }
  // The message of a Status in protobuf, whose type is also checked.
  static std::string status_message(const net::HttpResponse& response) {
    EXPECT_EQ(response.header("content-type"), kProtobuf);
    return telemetry::parse_rpc_status(response.body).message;
  }

  net::IoThreads threads_{2};
  DecodingSink sink_;
  std::unique_ptr<OtlpHttpReceiver> receiver_;
  net::HttpClient client_;
};

// ---- Our own exporter -----------------------------------------------------------------------------------------------

TEST_F(OtlpHttpReceiverTest, TakesWhatTheExporterSendsInEveryForm) {
  using telemetry::OtlpEncoding;
  std::size_t expected = 0;
  for (const OtlpEncoding encoding : {OtlpEncoding::protobuf, OtlpEncoding::json}) {
    for (const bool gzip : {false, true}) {
      BatchBuilder builder;
      for (std::uint8_t i = 1; i <= 200; ++i) builder.add(make_span("step", i, static_cast<std::uint8_t>(i - 1)));
      auto exporter = telemetry::make_otlp_http_exporter({.url = url(), .encoding = encoding, .gzip = gzip});
      const auto outcome = (*exporter)->export_batch(builder.batch(), kFarDeadline);
      EXPECT_EQ(outcome.exported, 200u) << outcome.error;
      EXPECT_THAT(outcome.error, IsEmpty());
      expected += 200;
      ASSERT_THAT(sink_.spans(), SizeIs(expected));
      EXPECT_EQ(sink_.spans().back(), make_span("step", 200, 199));
    }
  }
  EXPECT_EQ(receiver_->stats().acknowledged, 4u);
  EXPECT_EQ(receiver_->stats().requests, 4u);
}

TEST_F(OtlpHttpReceiverTest, TellsTheExporterToComeBackWhereTheSinkCannotTakeIt) {
  sink_.fail_with(ErrorCode::unavailable, "no space left on the disk");
  BatchBuilder builder;
  builder.add(make_span("step", 1));
  auto exporter = telemetry::make_otlp_http_exporter({.url = url(), .timeout = 500ms});
  const auto outcome = (*exporter)->export_batch(builder.batch(), kFarDeadline);
  EXPECT_EQ(outcome.dropped, 1u);
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("503"), HasSubstr("no space left on the disk")));
}

// ---- Answers --------------------------------------------------------------------------------------------------------

TEST_F(OtlpHttpReceiverTest, AnswersSuccessInTheEncodingOfTheRequest) {
  const auto data = traces({make_span("a", 1)});
  const auto in_protobuf = post(otlp::encode(data), kProtobuf);
  EXPECT_EQ(in_protobuf.status, 200);
  EXPECT_EQ(in_protobuf.header("content-type"), kProtobuf);
  EXPECT_EQ(in_protobuf.body, "");  // an ExportTraceServiceResponse without partial_success
  const auto in_json = post(otlp::encode_json(data), "Application/JSON; charset=utf-8");
  EXPECT_EQ(in_json.status, 200);
  EXPECT_EQ(in_json.header("content-type"), kJson);
  EXPECT_EQ(in_json.body, "{}");
  EXPECT_EQ(sink_.requests(), (std::vector<std::string>{otlp::encode(data), otlp::encode(data)}));
}

TEST_F(OtlpHttpReceiverTest, AnswersOnlyWhenTheSinkIsDone) {
  sink_.hold();
  net::RawClient client(receiver_->address().port);
  const std::string body = otlp::encode(traces({make_span("a", 1)}));
  client.send(
      fmt::format("POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
                  "Content-Length: {}\r\n\r\n{}",
                  body.size(), body));
  sink_.wait_until_held(1);
  EXPECT_FALSE(client.has_answer(20ms));
  sink_.do_one();
  EXPECT_EQ(client.read_status(), 200);
}

TEST_F(OtlpHttpReceiverTest, AcceptsAnEmptyRequestWithoutBotheringTheSink) {
  EXPECT_EQ(post("", kProtobuf).status, 200);
  EXPECT_EQ(post("{}", kJson).status, 200);
  EXPECT_EQ(post(R"({"resourceSpans":[]})", kJson).status, 200);
  EXPECT_THAT(sink_.requests(), IsEmpty());
}

TEST_F(OtlpHttpReceiverTest, RejectsSpansWithBadIdsAndKeepsTheOthers) {
  otlp::Span without_id = make_span("bad", 0);
  const auto in_protobuf = post(otlp::encode(traces({make_span("good", 1), without_id})), kProtobuf);
  EXPECT_EQ(in_protobuf.status, 200);
  // ExportTraceServiceResponse{partial_success = 1 {rejected_spans = 1, error_message = 2}}.
  const std::string sentence = "span \"bad\": span_id is missing or all zero";
  EXPECT_EQ(in_protobuf.body, fmt::format("\x0a{}\x08\x01\x12{}{}", static_cast<char>(sentence.size() + 4),
                                          static_cast<char>(sentence.size()), sentence));
  const auto in_json = post(R"({"resourceSpans":[{"scopeSpans":[{"spans":[
      {"traceId":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","spanId":"00000000000000aa","name":"good"},
      {"traceId":"aaaa","spanId":"00000000000000aa","name":"short"},
      {"traceId":"00000000000000000000000000000000","spanId":"00000000000000aa","name":"zero"}]}]}]})",
                            kJson);
  EXPECT_EQ(in_json.status, 200);
  EXPECT_EQ(
      in_json.body,
      R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"span \"short\": trace_id has 2 bytes instead of 16"}})");
  EXPECT_THAT(sink_.spans(), SizeIs(2));
  EXPECT_EQ(receiver_->stats().rejected_spans, 3u);
}

TEST_F(OtlpHttpReceiverTest, AnswersBadDataWithAStatusInTheSameEncoding) {
  const std::string whole = otlp::encode(traces({make_span("a", 1)}));
  for (const std::string& body : {whole.substr(0, whole.size() - 1), std::string("hello"), std::string(100, '\xFF')}) {
    const auto response = post(body, kProtobuf);
    EXPECT_EQ(response.status, 400);
    EXPECT_THAT(status_message(response), Not(IsEmpty()));
    EXPECT_THAT(response.body, testing::StartsWith("\x08\x03\x12"));  // code 3, INVALID_ARGUMENT
  }
  const auto response = post("{\"resourceSpans\":[{\"scopeSpans\":1}]}", kJson);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.header("content-type"), kJson);
  EXPECT_THAT(response.body, AllOf(HasSubstr("{\"code\":3,\"message\":\""), HasSubstr("resourceSpans[0].scopeSpans")));
  for (const char* body : {"", "{", "[]", "null", "{\"resourceSpans\":", "\xFF\xFE"}) {
    EXPECT_EQ(post(body, kJson).status, 400) << body;
  }
  EXPECT_THAT(sink_.requests(), IsEmpty());
  EXPECT_EQ(receiver_->stats().refused_bad, 10u);
}

TEST_F(OtlpHttpReceiverTest, RefusesOtherContentTypes) {
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/protobuf"}) {
    const auto response = post("x", type);
    EXPECT_EQ(response.status, 415) << type;
    EXPECT_THAT(response.body, AllOf(HasSubstr("{\"code\":3,"), HasSubstr(kProtobuf)));
  }
}

TEST_F(OtlpHttpReceiverTest, SaysThatItKeepsNoMetricsAndLogs) {
  for (const auto& [path, body, setting] :
       {std::tuple("/v1/metrics", std::string("x"), "OTEL_METRICS_EXPORTER"),
        std::tuple("/v1/logs", otlp::encode(logs_of({"exception"})), "OTEL_LOGS_EXPORTER")}) {
    const auto response = post(body, kProtobuf, {}, path);
    EXPECT_EQ(response.status, 404);
    EXPECT_THAT(status_message(response), AllOf(HasSubstr("traces only"), HasSubstr(setting)));
    EXPECT_THAT(response.body, testing::StartsWith("\x08\x0c"));  // code 12, UNIMPLEMENTED
  }
  EXPECT_EQ(post("x", kProtobuf, {}, "/v1/trace").status, 404);
}

TEST_F(OtlpHttpReceiverTest, TakesTheEventThatTellsOfSpansAndNoOtherLogs) {
  const auto taken = post(otlp::encode(logs_of({"meshflow.span.start"})), kProtobuf, {}, "/v1/logs");
  EXPECT_EQ(taken.status, 200);
  EXPECT_EQ(taken.body, "");
  ASSERT_EQ(sink_.starts().size(), 1u);
  EXPECT_EQ(sink_.starts()[0].name, "work");
  EXPECT_EQ(sink_.starts()[0].service, "shop");

  const auto mixed = post(otlp::encode(logs_of({"exception", "meshflow.span.start"})), kProtobuf, {}, "/v1/logs");
  EXPECT_EQ(mixed.status, 200);
  EXPECT_THAT(mixed.body, AllOf(StartsWith("\x0a"), HasSubstr("\x08\x01"), HasSubstr("1 records were left out")));
  EXPECT_EQ(sink_.starts().size(), 2u);

  const auto json = post(R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"meshflow.span.start"}]}]}]})",
                         "application/json", {}, "/v1/logs");
  EXPECT_EQ(json.status, 200);
  EXPECT_THAT(json.body, AllOf(HasSubstr(R"("rejectedLogRecords":"1")"), HasSubstr("name no span")));

  EXPECT_EQ(post("", kProtobuf, {}, "/v1/logs").status, 200) << "an empty request succeeds";
  EXPECT_EQ(post("x", kProtobuf, {}, "/v1/logs").status, 400);
  EXPECT_EQ(post("x", "text/plain", {}, "/v1/logs").status, 415);
  EXPECT_EQ(sink_.starts().size(), 2u);
}

TEST_F(OtlpHttpReceiverTest, MapsTheSinksErrorsToStatuses) {
  const std::string body = otlp::encode(traces({make_span("a", 1)}));
  struct Case {
    ErrorCode code;
    int status;
    const char* retry_after;
  };
  for (const Case& each : {Case{ErrorCode::invalid_input, 400, ""}, Case{ErrorCode::limit_exceeded, 413, ""},
                           Case{ErrorCode::unavailable, 503, "1"}, Case{ErrorCode::timeout, 503, "1"},
                           Case{ErrorCode::conflict, 503, "1"}, Case{ErrorCode::io, 500, ""}}) {
    sink_.fail_with(each.code, "the sink says why");
    const auto response = post(body, kProtobuf);
    EXPECT_EQ(response.status, each.status);
    EXPECT_EQ(response.header("retry-after"), each.retry_after);
    EXPECT_EQ(status_message(response), "the sink says why");
  }
  EXPECT_EQ(receiver_->stats().refused_overloaded, 3u);
}

// ---- Limits ---------------------------------------------------------------------------------------------------------

TEST_F(OtlpHttpReceiverTest, StopsACompressionBombAtItsLimit) {
  const std::string bomb = *net::gzip_compress(std::string(std::size_t{65} << 20, '\0'));
  ASSERT_LT(bomb.size(), 1u << 20);
  const auto response = post(bomb, kProtobuf, {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(status_message(response), HasSubstr("67108864"));
  EXPECT_THAT(response.body, testing::StartsWith("\x08\x08"));  // code 8, RESOURCE_EXHAUSTED
}

TEST_F(OtlpHttpReceiverTest, RefusesABodyThatIsTooLargeInTheRequestsEncoding) {
  net::RawClient client(receiver_->address().port);
  client.send(
      "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: 67108865\r\n\r\n");
  EXPECT_THAT(client.read_response(),
              AllOf(testing::StartsWith("HTTP/1.1 413 "), HasSubstr("{\"code\":8,\"message\":\"")));
}

TEST_F(OtlpHttpReceiverTest, RefusesABrokenEncoding) {
  const auto response = post("not gzip", kProtobuf, {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(status_message(response), HasSubstr("gzip"));
  EXPECT_EQ(post("x", kProtobuf, {{"Content-Encoding", "br"}}).status, 415);
}

TEST_F(OtlpHttpReceiverTest, SurvivesDeepJson) {
  for (const char* open : {"[", "{\"a\":", "{\"resourceSpans\":[{\"a\":"}) {
    std::string body;
    while (body.size() < 1'000'000) body += open;
    const auto response = post(body, kJson);
    EXPECT_TRUE(response.status == 400 || response.status == 413) << response.status;
  }
}

TEST_F(OtlpHttpReceiverTest, RefusesAHundredThousandAttributes) {
  otlp::Span span = make_span("many", 1);
  for (int i = 0; i < 100'000; ++i) span.attributes.push_back(test::attribute("k", std::int64_t{i}));
  const auto data = traces({span});
  EXPECT_EQ(post(otlp::encode(data), kProtobuf).status, 413);
  EXPECT_EQ(post(otlp::encode_json(data), kJson).status, 413);
  EXPECT_EQ(receiver_->stats().refused_too_large, 2u);
}

TEST_F(OtlpHttpReceiverTest, AsksForItsTokenInTheRequestsEncoding) {
  start({.name = "otlp-http", .bearer_token = "s3cret"});
  const auto refused = post("", kProtobuf);
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(status_message(refused), HasSubstr("token"));
  EXPECT_EQ(post("", kProtobuf, {{"Authorization", "Bearer s3cret"}}).status, 200);
}

TEST_F(OtlpHttpReceiverTest, LetsASinkFinishAfterTheReceiverIsGone) {
  sink_.hold();
  net::RawClient client(receiver_->address().port);
  const std::string body = otlp::encode(traces({make_span("a", 1)}));
  client.send(
      fmt::format("POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
                  "Content-Length: {}\r\n\r\n{}",
                  body.size(), body));
  sink_.wait_until_held(1);
  receiver_.reset();
  sink_.do_one();
  EXPECT_THAT(sink_.spans(), SizeIs(1));
}

}  // namespace
}  // namespace meshflow::server
