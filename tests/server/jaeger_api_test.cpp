#include "server/jaeger_api.hpp"

#include "server/query_api_fixture.hpp"

namespace meshflow::server {
namespace {

using store::test::trace_id;
using test::kStart;
using test::make_span;
using test::request_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTrace1 = "4a000000000000000000000000000001";

class JaegerApiTest : public test::QueryApiTest {
 protected:
  // Two traces of two services; span n starts n milliseconds after kStart.
  void keep_two() {
    otlp::Span root = make_span(1, 1, "GET /");
    root.kind = otlp::SpanKind::server;
    otlp::Span call = make_span(1, 2, "query");
    call.parent_span_id = root.span_id;
    call.status.code = otlp::StatusCode::error;
    keep(request_of({root}, "web"));
    keep(request_of({call, make_span(2, 3, "job")}, "db"));
  }
};

TEST_F(JaegerApiTest, ServicesAndOperationsAreListedInTheEnvelope) {
  keep_two();
  EXPECT_EQ(jaeger("/api/services").body, R"({"data":["db","web"],"total":2,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(jaeger("/api/services/web/operations").body,
            R"({"data":["GET /"],"total":1,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(jaeger("/api/operations?service=web").body,
            R"({"data":[{"name":"GET /","spanKind":"server"}],"total":1,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(jaeger("/api/operations?service=web&spanKind=client").body,
            R"({"data":[],"total":0,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(jaeger("/api/services/none/operations").body,
            R"({"data":null,"total":0,"limit":0,"offset":0,"errors":null})");
}

TEST_F(JaegerApiTest, SpansWithoutAServiceAreListedUnderJaegersNamesForThem) {
  otlp::TracesData none = request_of({make_span(1, 1, "a")});
  none.resource_spans[0].resource.attributes.clear();
  otlp::TracesData empty = request_of({make_span(2, 2, "b")});
  empty.resource_spans[0].resource.attributes = {{"k", {std::string("v")}}};
  keep(none);
  keep(empty);
  EXPECT_THAT(store_->services(), ::testing::ElementsAre(""));
  EXPECT_THAT(jaeger("/api/services").body, HasSubstr(R"("data":["OTLPResourceNoServiceName","empty-service-name"])"));
  EXPECT_THAT(jaeger("/api/services/OTLPResourceNoServiceName/operations").body, HasSubstr(R"("data":["a"])"));
  EXPECT_THAT(jaeger("/api/operations?service=empty-service-name").body,
              HasSubstr(R"("data":[{"name":"b","spanKind":"internal"}])"));
}

TEST_F(JaegerApiTest, ATraceIsFoundByItsIdInEitherCase) {
  keep_two();
  const net::HttpResponse response = jaeger("/api/traces/" + kTrace1);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_THAT(response.body, AllOf(HasSubstr(R"({"data":[{"traceID":"4a000000000000000000000000000001","spans":[)"),
                                   HasSubstr(R"("operationName":"GET /")"), HasSubstr(R"("operationName":"query")"),
                                   HasSubstr(R"("serviceName":"web")"), HasSubstr(R"(,"total":0,"limit":0,)")));
  EXPECT_EQ(jaeger("/api/traces/4A000000000000000000000000000001").body, response.body);
}

// cmd/query/app/http_handler.go of Jaeger 1.48.
TEST_F(JaegerApiTest, ErrorsAreInTheEnvelope) {
  const net::HttpResponse missing = jaeger("/api/traces/ab");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body,
            R"({"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]})"
            "\n");
  const net::HttpResponse bad_id = jaeger("/api/traces/xyz");
  EXPECT_EQ(bad_id.status, 400);
  EXPECT_THAT(bad_id.body, HasSubstr(R"("msg":"strconv.ParseUint: parsing \"xyz\": invalid syntax")"));
  const net::HttpResponse no_service = jaeger("/api/traces?limit=1");
  EXPECT_EQ(no_service.status, 400);
  EXPECT_EQ(
      no_service.body,
      R"({"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"parameter 'service' is required"}]})"
      "\n");
  EXPECT_EQ(jaeger("/api/operations").status, 400);
  EXPECT_EQ(jaeger("/api/dependencies?endTs=x").status, 400);
  EXPECT_THAT(jaeger("/api/nothing").body, HasSubstr(R"("errors":[{"code":404,)"));
  EXPECT_EQ(jaeger("/api/metrics/calls?service=web").status, 501);
  EXPECT_THAT(send(*jaeger_, "/api/archive/1", {}, "", "POST").body,
              HasSubstr("archive span storage was not configured"));
}

TEST_F(JaegerApiTest, TracesAskedForByIdNameThoseThatAreMissing) {
  keep_two();
  const std::string body = jaeger("/api/traces?traceID=" + kTrace1 + "&traceID=ab").body;
  EXPECT_THAT(body, HasSubstr(R"({"data":[{"traceID":"4a000000000000000000000000000001")"));
  EXPECT_THAT(body, HasSubstr(R"("errors":[{"msg":"trace not found","traceID":"00000000000000ab"}]})"));
}

TEST_F(JaegerApiTest, ASearchGivesWholeTracesNewestFirst) {
  keep_two();
  const std::string body = jaeger("/api/traces?service=db").body;
  const std::size_t second = body.find("4a000000000000000000000000000002");
  const std::size_t first = body.find(kTrace1);
  EXPECT_LT(second, first);
  EXPECT_THAT(body, HasSubstr(R"("operationName":"GET /")"));  // of another service, in the same trace
  EXPECT_THAT(jaeger("/api/traces?service=db&limit=1").body, Not(HasSubstr(kTrace1)));
  EXPECT_EQ(jaeger("/api/traces?service=nobody").body, R"({"data":[],"total":0,"limit":0,"offset":0,"errors":null})");
}

TEST_F(JaegerApiTest, ASearchWithoutTimesLooksBackTwoDays) {
  keep_two();
  EXPECT_THAT(jaeger("/api/traces?service=web").body, HasSubstr(kTrace1));
  clock_.advance(48LL * 3'600 * 1'000'000'000);
  EXPECT_THAT(jaeger("/api/traces?service=web").body, Not(HasSubstr(kTrace1)));
  EXPECT_THAT(jaeger("/api/traces?service=web&start=1").body, HasSubstr(kTrace1));
}

TEST_F(JaegerApiTest, ManyTracesComeAsAStream) {
  constexpr std::uint64_t kTraces = 60;
  const std::string large(60'000, 'x');
  for (std::uint64_t i = 1; i <= kTraces; ++i) {
    otlp::Span span = make_span(i, i, "big");
    span.attributes = {{"payload", {large}}};
    keep(request_of({span}, "web"));
  }
  const net::HttpResponse response = jaeger("/api/traces?service=web");
  EXPECT_EQ(response.header("transfer-encoding"), "chunked");
  EXPECT_GT(response.body.size(), kTraces * large.size());
  EXPECT_TRUE(response.body.ends_with(R"(],"total":0,"limit":0,"offset":0,"errors":null})"));
  std::size_t count = 0;
  for (std::size_t at = 0; (at = response.body.find(R"("operationName":"big")", at)) != std::string::npos; ++at)
    ++count;
  EXPECT_EQ(count, kTraces);
}

TEST_F(JaegerApiTest, DependenciesAreListed) {
  keep_two();
  EXPECT_EQ(jaeger("/api/dependencies?endTs=" + std::to_string(kNow / 1'000'000) + "&lookback=86400000").body,
            R"({"data":[{"parent":"web","child":"db","callCount":1}],"total":0,"limit":0,"offset":0,"errors":null})");
  EXPECT_THAT(jaeger("/api/dependencies?service=nobody").body, HasSubstr(R"("data":[])"));
}

TEST_F(JaegerApiTest, OtlpJsonIsTurnedIntoJaegersJson) {
  const net::HttpResponse response = send(
      *jaeger_, "/api/transform", {{"Content-Type", "application/json"}},
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"up"}}]},"scopeSpans":[
         {"spans":[{"traceId":"4a000000000000000000000000000009","spanId":"0000000000000001","name":"x"}]}]}]})",
      "POST");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr(R"({"data":[{"traceID":"4a000000000000000000000000000009")"));
  EXPECT_EQ(send(*jaeger_, "/api/transform", {}, "{", "POST").status, 400);
}

// ---- v3 -------------------------------------------------------------------------------------------------------------

const std::string kAllTime = "query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2030-01-01T00:00:00Z";

TEST_F(JaegerApiTest, V3ListsServicesAndOperationsWithoutAnEnvelope) {
  keep_two();
  EXPECT_EQ(jaeger("/api/v3/services").body, R"({"services":["db","web"]})");
  EXPECT_EQ(jaeger("/api/v3/operations?service=web").body, R"({"operations":[{"name":"GET /","spanKind":"server"}]})");
  EXPECT_EQ(jaeger("/api/v3/operations?service=db&span_kind=server").body, R"({"operations":[]})");
}

TEST_F(JaegerApiTest, V3TracesAreOtlpWithHexIds) {
  keep_two();
  const std::string body = jaeger("/api/v3/traces/" + kTrace1).body;
  EXPECT_THAT(body, AllOf(::testing::StartsWith(R"({"result":{"resourceSpans":[{"resource":{"attributes":[)"),
                          HasSubstr(R"("traceId":"4a000000000000000000000000000001")"), HasSubstr(R"("kind":2)"),
                          ::testing::EndsWith("]}]}]}}")));
  const std::string found = jaeger("/api/v3/traces?query.serviceName=db&" + kAllTime).body;
  EXPECT_THAT(found, AllOf(HasSubstr(kTrace1), HasSubstr("4a000000000000000000000000000002")));
  EXPECT_EQ(jaeger("/api/v3/traces/ab").body, "{\"error\":{\"httpCode\":404,\"message\":\"No traces found\"}}\n");
}

TEST_F(JaegerApiTest, V3ErrorsAreItsOwn) {
  const net::HttpResponse no_times = jaeger("/api/v3/traces?query.serviceName=db");
  EXPECT_EQ(no_times.status, 400);
  EXPECT_EQ(no_times.body,
            "{\"error\":{\"httpCode\":400,\"message\":\"query.startTimeMin and query.startTimeMax are required\"}}\n");
  EXPECT_THAT(jaeger("/api/v3/traces/xyz").body, HasSubstr(R"("message":"malformed parameter trace_id: )"));
  EXPECT_THAT(jaeger("/api/v3/nothing").body, HasSubstr(R"({"error":{"httpCode":404,)"));
}

TEST_F(JaegerApiTest, V3SummariesAreNewestFirst) {
  keep_two();
  EXPECT_EQ(
      jaeger("/api/v3/trace-summaries?" + kAllTime).body,
      R"({"summaries":[{"traceId":"4a000000000000000000000000000002","rootServiceName":"db","rootOperationName":"job",)"
      R"("minStartTimeUnixNano":"1764000000003000000","maxEndTimeUnixNano":"1764000000008000000","spanCount":1,)"
      R"("services":[{"name":"db","spanCount":1}]},)"
      R"({"traceId":"4a000000000000000000000000000001","rootServiceName":"web","rootOperationName":"GET /",)"
      R"("minStartTimeUnixNano":"1764000000001000000","maxEndTimeUnixNano":"1764000000007000000","spanCount":2,)"
      R"("errorSpanCount":1,"services":[{"name":"db","spanCount":1,"errorSpanCount":1},{"name":"web","spanCount":1}]}]})");
}

}  // namespace
}  // namespace meshflow::server
