// The requests that Grafana's Tempo data source makes, as its source makes them, and what that source reads of the
// answers; and every query of the dashboard in examples/grafana. Grafana itself does not run here.
//
// grafana 54ec496433919d149be20696ea5901bf2af70abb: public/app/plugins/datasource/tempo/datasource.ts (Grafana 9)
// grafana 04675335cda5dcfadbd26b466356e1264cc28f26: public/app/plugins/datasource/tempo/language_provider.ts (12)
// grafana e75b5e7dd36309964a1ec33494cc10c9fd2929d6: pkg/tsdb/tempo/trace.go
// grafana 040d40306a1050f2bed37813dff876829cd52a18: pkg/tsdb/tempo/traceql_query.go
#include <cctype>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "otlp/decode.hpp"
#include "server/query_api_fixture.hpp"

namespace meshflow::server {
namespace {

using test::kStart;
using test::make_span;
using test::request_of;
using ::testing::ElementsAre;
namespace json = boost::json;

const std::string kTrace1 = "4a000000000000000000000000000001";

// encodeURIComponent of JavaScript.
std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_kept = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                         std::string_view("-_.!~*'()").find(c) != std::string_view::npos;
    out += is_kept ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

// url.Values.Encode of Go.
std::string go_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_kept =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("-_.~").find(c) != std::string_view::npos;
    out += is_kept    ? std::string(1, c)
           : c == ' ' ? "+"
                      : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

class GrafanaRequestsTest : public test::QueryApiTest {
 protected:
  void SetUp() override {
    QueryApiTest::SetUp();
    otlp::Span run = make_span(1, 1, "meshflow.run");
    run.attributes = {
        {"meshflow.run_id", {std::string("run_1")}},      {"meshflow.cost_usd", {0.02}},
        {"meshflow.tokens", {std::int64_t{300}}},         {"meshflow.carbon_g", {0.5}},
        {"meshflow.variant", {std::string("small")}},     {"meshflow.workflow.name", {std::string("review")}},
        {"meshflow.workflow.version", {std::string("2")}}};
    otlp::Span agent = make_span(1, 2, "meshflow.agent");
    agent.parent_span_id = run.span_id;
    agent.attributes = {{"meshflow.role", {std::string("planner")}}};
    otlp::Span gate = make_span(1, 3, "meshflow.gate");
    gate.parent_span_id = agent.span_id;
    gate.status = {"too dear", otlp::StatusCode::error};
    gate.attributes = {{"meshflow.verdict", {std::string("blocked")}}, {"meshflow.rule_id", {std::string("budget")}}};
    keep(request_of({run, agent, gate}, "meshflow"));
  }
  json::value get(const std::string& path) {
    const net::HttpResponse response = tempo(path, {{"Accept", "application/json"}});
    EXPECT_EQ(response.status, 200) << path << ": " << response.body;
    return json::parse(response.body);
  }
  static std::string seconds(std::int64_t nanos) { return std::to_string(nanos / 1'000'000'000); }
  // The time range as datasource.ts and the backend write it.
  std::string range() const { return "&start=" + seconds(static_cast<std::int64_t>(kStart)) + "&end=" + seconds(kNow); }
};

// ---- datasource.ts --------------------------------------------------------------------------------------------------

TEST_F(GrafanaRequestsTest, TheDataSourceIsTested) { EXPECT_EQ(tempo("/api/echo").status, 200); }

// buildSearchQuery: tags of the field, then ` service.name="…"` and ` name="…"`; serializeParams over them.
TEST_F(GrafanaRequestsTest, TheSearchFormAsksByTags) {
  const std::string tags = encoded(R"(meshflow.verdict=blocked service.name="meshflow" name="meshflow.gate")");
  const json::value found = get("/api/search?tags=" + tags + "&minDuration=1ms&maxDuration=1m&limit=20" + range());
  // createTableFrameFromSearch reads these of each trace.
  const json::value& trace = found.at("traces").at(0);
  EXPECT_EQ(trace.at("traceID"), json::value(kTrace1));
  EXPECT_EQ(trace.at("rootServiceName"), "meshflow");
  EXPECT_EQ(trace.at("rootTraceName"), "meshflow.run");
  EXPECT_EQ(trace.at("startTimeUnixNano"), "1764000000001000000");
  EXPECT_EQ(trace.at("durationMs"), 7);
  // An empty form: every trace; nothing found is an empty list, which it sorts.
  EXPECT_EQ(get("/api/search?tags=&limit=20" + range()).at("traces").as_array().size(), 1u);
  EXPECT_TRUE(get("/api/search?tags=" + encoded(R"( service.name="none")") + "&limit=20" + range())
                  .at("traces")
                  .as_array()
                  .empty());
}

// ---- language_provider.ts -------------------------------------------------------------------------------------------

TEST_F(GrafanaRequestsTest, TagsAreFetchedByScope) {
  const json::value tags = get("/api/v2/search/tags?limit=5000" + range());
  std::vector<std::string> scopes;
  for (const json::value& each : tags.at("scopes").as_array()) scopes.emplace_back(each.at("name").as_string());
  EXPECT_THAT(scopes, ElementsAre("resource", "span", "intrinsic"));
}

// The tag is encoded twice; Grafana's own server takes one of them off.
TEST_F(GrafanaRequestsTest, ValuesAreFetchedForWhatIsWrittenSoFar) {
  for (const char* const tag : {"resource.service.name", "span.meshflow.role", ".meshflow.role", "name", "rootName",
                                "span:name", "status", "kind"}) {
    const json::value values =
        get("/api/v2/search/tag/" + encoded(tag) + "/values?limit=5000&q=" + encoded("{}") + range());
    EXPECT_FALSE(values.at("tagValues").as_array().empty()) << tag;
    for (const json::value& each : values.at("tagValues").as_array()) {
      EXPECT_TRUE(each.at("type").is_string());
      EXPECT_TRUE(each.at("value").is_string());
    }
  }
  const json::value narrowed = get("/api/v2/search/tag/span.meshflow.rule_id/values?limit=5000&q=" +
                                   encoded(R"({resource.service.name="meshflow" && status=error})"));
  EXPECT_EQ(json::serialize(narrowed.at("tagValues")), R"([{"type":"string","value":"budget"}])");
}

// generateQueryFromFilters, adHocValueHelper: no blanks, values in quotes.
TEST_F(GrafanaRequestsTest, TheBuildersQueriesAreUnderstood) {
  for (const char* const query :
       {R"({resource.service.name="meshflow" && name="meshflow.gate" && status=error})",
        R"({span.meshflow.role=~"planner|critic"})", R"({duration>1ms && .meshflow.tokens>=300})",
        R"({nestedSetParent<0 && true && resource.service.name="meshflow"})", "{}"}) {
    const json::value found = get("/api/search?q=" + encoded(query) + "&limit=20&spss=3" + range());
    EXPECT_EQ(found.at("traces").as_array().size(), 1u) << query;
  }
}

// ---- trace.go -------------------------------------------------------------------------------------------------------

// performTraceRequest: the second version in protobuf, the first where that answers 404.
TEST_F(GrafanaRequestsTest, TheBackendFetchesATrace) {
  const net::HttpHeaders accept{{"Accept", "application/protobuf"}};
  const std::string times = "?start=" + seconds(static_cast<std::int64_t>(kStart)) + "&end=" + seconds(kNow);
  const net::HttpResponse second = tempo("/api/v2/traces/" + kTrace1 + times, accept);
  ASSERT_EQ(second.status, 200);
  // tempopb.TraceByIDResponse: the trace is field 1, its length of two bytes.
  ASSERT_GT(second.body.size(), 200u);
  EXPECT_EQ(second.body.front(), '\x0a');
  const net::HttpResponse first = tempo("/api/traces/" + kTrace1 + times, accept);
  const auto trace = otlp::decode_traces(first.body);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->value.resource_spans[0].scope_spans[0].spans.size(), 3u);
  EXPECT_EQ(second.body.substr(3, first.body.size()), first.body);
  // tr.Trace.ResourceSpans is read without a look whether there is a Trace.
  const net::HttpResponse missing = tempo("/api/v2/traces/ffff" + times, accept);
  EXPECT_EQ(missing.status, 200);
  EXPECT_TRUE(missing.body.starts_with(std::string("\x0a\x00", 2)));
}

// ---- traceql_query.go -----------------------------------------------------------------------------------------------

// createMetricsQuery: url.Values.Encode sorts by name. The answers are read by jsonpb, of an instant without unknown
// fields: series, metrics, status and message are what tempopb has.
TEST_F(GrafanaRequestsTest, TheBackendAsksForMetrics) {
  const std::string q = "&q=" + go_encoded("{ } | rate() by (resource.service.name)");
  const std::string end = "?end=" + seconds(kNow);
  const std::string start = "&start=" + seconds(static_cast<std::int64_t>(kStart));
  const json::value range = get("/api/metrics/query_range" + end + "&exemplars=100" + q + start + "&step=30s");
  const json::value& series = range.at("series").at(0);
  EXPECT_EQ(json::serialize(series.at("labels")),
            R"([{"key":"resource.service.name","value":{"stringValue":"meshflow"}}])");
  EXPECT_EQ(series.at("samples").at(0).at("timestampMs"), "1764000030000");
  EXPECT_DOUBLE_EQ(series.at("samples").at(0).at("value").as_double(), 0.1);  // three spans in 30 s
  EXPECT_FALSE(series.at("exemplars").as_array().empty());
  const json::value instant = get("/api/metrics/query" + end + q + start);
  for (const auto& member : instant.as_object()) {
    EXPECT_TRUE(member.key() == "series" || member.key() == "metrics") << member.key();
  }
  EXPECT_EQ(instant.at("series").at(0).as_object().size(), 2u);  // labels and value
}

// A bad query is shown as it is answered: "… Status: 400 Bad Request Body: …".
TEST_F(GrafanaRequestsTest, AnErrorIsReadable) {
  const net::HttpResponse response = tempo("/api/metrics/query_range?q=" + go_encoded("{ statsu = error } | rate()"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, "invalid TraceQL query: 1:3: unknown name \"statsu\" (did you mean status?)");
}

// ---- the dashboard --------------------------------------------------------------------------------------------------

TEST_F(GrafanaRequestsTest, EveryPanelOfTheDashboardShowsTheRun) {
  std::ifstream file(MESHFLOW_SOURCE_DIR "/examples/grafana/dashboards/lesson.json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const json::value dashboard = json::parse(text);
  std::size_t panels = 0;
  for (const json::value& panel : dashboard.at("panels").as_array()) {
    const json::value& target = panel.at("targets").at(0);
    const std::string query(target.at("query").as_string());
    const json::value* const kind = target.as_object().if_contains("metricsQueryType");
    if (kind == nullptr) {
      const json::value found = get("/api/search?q=" + encoded(query) + "&limit=50&spss=3" + range());
      EXPECT_EQ(found.at("traces").as_array().size(), 1u) << query;
      EXPECT_FALSE(found.at("traces").at(0).at("spanSets").at(0).at("spans").at(0).at("attributes").as_array().empty());
    } else {
      const std::string path = *kind == "instant" ? "/api/metrics/query?q=" : "/api/metrics/query_range?step=60s&q=";
      const json::value found = get(path + go_encoded(query) + range());
      ASSERT_EQ(found.at("series").as_array().size(), 1u) << query;
      const json::value& series = found.at("series").at(0);
      const json::value& first = *kind == "instant" ? series : series.at("samples").at(0);
      EXPECT_GT(first.at("value").to_number<double>(), 0) << query;
    }
    ++panels;
  }
  EXPECT_EQ(panels, 8u);
}

}  // namespace
}  // namespace meshflow::server
