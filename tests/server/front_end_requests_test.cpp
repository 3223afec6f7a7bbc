// The requests that Jaeger's UI and Grafana make, as their sources make them, and what those sources do with the
// answers. Neither front end runs here.
//
// jaeger-ui c321fb32bbca0bdce9e8c2d40afb35abbf54c12b: packages/jaeger-ui/src/api/jaeger.ts, src/api/v3/client.ts,
// src/api/v3/schemas.ts
// grafana 9ac7a98a7c20b5eaf54067ddf31fcf6afa415367: public/app/plugins/datasource/jaeger/datasource.ts
// grafana 01b0e5d38c45ee03d09353d630eccacc88770b26: pkg/tsdb/jaeger/client.go
#include <boost/json.hpp>

#include "server/query_api_fixture.hpp"

namespace meshflow::server {
namespace {

using store::test::trace_id;
using test::kStart;
using test::make_span;
using test::request_of;
namespace json = boost::json;

const std::string kTrace1 = "4a000000000000000000000000000001";

class FrontEndRequestsTest : public test::QueryApiTest {
 protected:
  void SetUp() override {
    QueryApiTest::SetUp();
    otlp::Span run = make_span(1, 1, "meshflow.run");
    run.attributes = {{"meshflow.cost_usd", {0.02}}, {"meshflow.run_id", {std::string("run_1")}}};
    otlp::Span agent = make_span(1, 2, "meshflow.agent");
    agent.parent_span_id = run.span_id;
    agent.status = {"blocked", otlp::StatusCode::error};
    agent.attributes = {{"meshflow.verdict", {std::string("blocked")}}};
    keep(request_of({run, agent}, "mesh flow"));
  }
  json::value get(const std::string& path) {
    const net::HttpResponse response = jaeger(path);
    EXPECT_EQ(response.status, 200) << path << ": " << response.body;
    return json::parse(response.body);
  }
  // Of the envelope that both front ends unwrap.
  json::array data(const std::string& path) { return get(path).at("data").as_array(); }
  static std::string microseconds(std::int64_t nanos) { return std::to_string(nanos / 1'000); }
  std::string start() const { return microseconds(static_cast<std::int64_t>(kStart)); }
  std::string end() const { return microseconds(kNow); }
};

// ---- jaeger-ui, api/jaeger.ts ---------------------------------------------------------------------------------------

TEST_F(FrontEndRequestsTest, JaegerUiFetchesServicesAndOperations) {
  EXPECT_EQ(data("/api/services"), json::array({"mesh flow"}));
  EXPECT_EQ(data("/api/services/mesh%20flow/operations"), json::array({"meshflow.agent", "meshflow.run"}));
  EXPECT_TRUE(data("/api/operations?service=mesh%20flow&spanKind=server").empty());
}

TEST_F(FrontEndRequestsTest, JaegerUiFetchesATrace) {
  const json::array traces = data("/api/traces/" + kTrace1);
  ASSERT_EQ(traces.size(), 1u);
  EXPECT_EQ(traces[0].at("traceID"), json::value(kTrace1));
  EXPECT_EQ(traces[0].at("spans").as_array().size(), 2u);
  // transformTraceData reads each span's process from here.
  EXPECT_EQ(traces[0].at("processes").at("p1").at("serviceName"), "mesh flow");
}

// getJSON reads errors from data.errors and shows their msg.
TEST_F(FrontEndRequestsTest, JaegerUiShowsWhyATraceIsMissing) {
  const net::HttpResponse response = jaeger("/api/traces/ffffffffffffffff");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(json::parse(response.body).at("errors").as_array()[0].at("msg"), "trace not found");
}

TEST_F(FrontEndRequestsTest, JaegerUiFetchesDependencies) {
  // DEFAULT_DEPENDENCY_LOOKBACK: one week in milliseconds.
  EXPECT_TRUE(data("/api/dependencies?endTs=" + std::to_string(kNow / 1'000'000) + "&lookback=604800000").empty());
}

// fetchTraceSummaries: ISO times with milliseconds from microseconds, URLSearchParams' encoding.
TEST_F(FrontEndRequestsTest, JaegerUiSearchesSummaries) {
  const json::value answer =
      get("/api/v3/trace-summaries?query.serviceName=mesh+flow&query.startTimeMin=2025-11-24T16%3A00%3A00.000Z&"
          "query.startTimeMax=2025-11-24T17%3A00%3A00.000Z&query.searchDepth=20&"
          "query.attributes=%7B%22meshflow.verdict%22%3A%22blocked%22%7D");
  const json::array& summaries = answer.at("summaries").as_array();
  ASSERT_EQ(summaries.size(), 1u);
  const json::object& summary = summaries[0].as_object();
  // What TraceSummariesResponseSchema insists on.
  EXPECT_EQ(summary.at("traceId"), json::value(kTrace1));
  EXPECT_EQ(summary.at("minStartTimeUnixNano"), "1764000000001000000");
  EXPECT_EQ(summary.at("maxEndTimeUnixNano"), "1764000000007000000");
  EXPECT_EQ(summary.at("spanCount"), 2);
  EXPECT_EQ(summary.at("errorSpanCount"), 1);
  EXPECT_EQ(summary.at("rootServiceName"), "mesh flow");
  EXPECT_EQ(summary.at("rootOperationName"), "meshflow.run");
  EXPECT_EQ(summary.at("services").as_array()[0].at("name"), "mesh flow");
}

TEST_F(FrontEndRequestsTest, JaegerUiSearchesAllServicesByLeavingTheNameOut) {
  const json::value answer = get(
      "/api/v3/trace-summaries?query.startTimeMin=2025-11-24T16%3A00%3A00.000Z&query.startTimeMax=2025-11-24T17%3A00%3A"
      "00.000Z&query.searchDepth=20");
  EXPECT_EQ(answer.at("summaries").as_array().size(), 1u);
}

TEST_F(FrontEndRequestsTest, JaegerUiListsServicesAndSpanNames) {
  EXPECT_EQ(get("/api/v3/services").at("services").as_array().size(), 1u);
  const json::value operations = get("/api/v3/operations?service=mesh%20flow");
  EXPECT_EQ(operations.at("operations").as_array()[0].at("name"), "meshflow.agent");
  EXPECT_EQ(operations.at("operations").as_array()[0].at("spanKind"), "internal");
}

// ---- Grafana --------------------------------------------------------------------------------------------------------

// testDatasource, metadataRequest.
TEST_F(FrontEndRequestsTest, GrafanaTestsTheDataSource) { EXPECT_FALSE(data("/api/services").empty()); }

// JaegerDatasource.query with queryType search: serializeParams over the form's fields, the time range in microseconds
// and lookback=custom.
TEST_F(FrontEndRequestsTest, GrafanasFormSearches) {
  const std::string range = "&start=" + start() + "&end=" + end() + "&lookback=custom";
  EXPECT_EQ(data("/api/traces?service=mesh%20flow&limit=20" + range).size(), 1u);
  EXPECT_EQ(
      data("/api/traces?service=mesh%20flow&operation=meshflow.run&minDuration=1ms&maxDuration=1s&limit=20" + range)
          .size(),
      1u);
  EXPECT_EQ(
      data("/api/traces?service=mesh%20flow&tags=%7B%22meshflow.verdict%22%3A%22blocked%22%7D&limit=20" + range).size(),
      1u);
  EXPECT_TRUE(data("/api/traces?service=mesh%20flow&tags=%7B%22meshflow.verdict%22%3A%22allowed%22%7D&limit=20" + range)
                  .empty());
  // The lesson's "cost_usd > 0.01" typed into the field.
  EXPECT_EQ(
      data("/api/traces?service=mesh%20flow&tags=%7B%22cost_usd%22%3A%22true%22%2C%22%3E%22%3A%22true%22%2C%220.01"
           "%22%3A%22true%22%7D&limit=20" +
           range)
          .size(),
      1u);
}

// JaegerClient.Search: url.Values.Encode, which sorts by name and writes blanks as '+', and no times.
TEST_F(FrontEndRequestsTest, GrafanasBackendSearches) {
  EXPECT_EQ(data("/api/traces?limit=20&operation=meshflow.agent&service=mesh+flow&tags=%7B%22error%22%3A%22true%22%7D")
                .size(),
            1u);
  EXPECT_EQ(
      data("/api/traces?service=mesh+flow&tags=%7B%220.01%22%3A%22%22%2C%22%5Cu003e%22%3A%22%22%2C%22cost_usd%22%3A"
           "%22%22%7D")
          .size(),
      1u);
}

// JaegerClient.Trace: with traceIdTimeParams the range goes along; response.Data[0] must be there.
TEST_F(FrontEndRequestsTest, GrafanasBackendFetchesATrace) {
  EXPECT_EQ(data("/api/traces/" + kTrace1 + "?end=" + end() + "&start=" + start()).size(), 1u);
  EXPECT_EQ(jaeger("/api/traces/ffff").status, 404);
}

// JaegerClient.Operations joins the name into the path as it is.
TEST_F(FrontEndRequestsTest, GrafanasBackendListsOperations) {
  EXPECT_EQ(data("/api/services/mesh%20flow/operations").size(), 2u);
}

}  // namespace
}  // namespace meshflow::server
