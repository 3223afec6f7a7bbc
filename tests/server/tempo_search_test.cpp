// Tempo's searches, tags and metrics over HTTP: shapes as jsonpb writes pkg/tempopb/tempo.proto of Tempo 3, errors, and
// queries whose clients go.
#include <atomic>
#include <cctype>
#include <thread>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "server/query_api_fixture.hpp"
#include "server/tempo_answers.hpp"

namespace meshflow::server {
namespace {

using test::kStart;
using test::make_span;
using test::request_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
namespace json = boost::json;

const std::string kTrace1 = "4a000000000000000000000000000001";
const std::string kTrace2 = "4a000000000000000000000000000002";

// As application/x-www-form-urlencoded.
std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

class TempoSearchTest : public test::QueryApiTest {
 protected:
  void SetUp() override {
    QueryApiTest::SetUp();
    // A run of two cents whose agent was blocked, 1 ms to 7 ms after kStart; and one without a root, 3 ms to 8 ms.
    otlp::Span run = make_span(1, 1, "meshflow.run");
    run.attributes = {{"meshflow.cost_usd", {0.02}}, {"meshflow.run_id", {std::string("run_1")}}};
    otlp::Span agent = make_span(1, 2, "meshflow.agent");
    agent.parent_span_id = run.span_id;
    agent.status = {"too dear", otlp::StatusCode::error};
    agent.attributes = {{"meshflow.verdict", {std::string("blocked")}},
                        {"meshflow.role", {std::string("planner")}},
                        {"meshflow.tokens", {std::int64_t{7}}},
                        {"attempt", {std::int64_t{2}}}};
    agent.events = {{.time_unix_nano = kStart + 3'000'000, .name = "blocked", .attributes = {{"why", {true}}}}};
    keep(request_of({run, agent}, "meshflow"));
    otlp::Span lost = make_span(2, 3, "meshflow.agent");
    lost.parent_span_id = store::test::span_id(9);
    lost.attributes = {{"meshflow.role", {std::string("critic")}}, {"attempt", {std::string("two")}}};
    keep(request_of({lost}, "shop"));
  }
  json::value get(const std::string& path) {
    const net::HttpResponse response = tempo(path);
    EXPECT_EQ(response.status, 200) << path << ": " << response.body;
    EXPECT_EQ(response.header("content-type"), "application/json");
    return json::parse(response.body);
  }
  json::value search(std::string_view query, const std::string& more = "") {
    return get("/api/search?q=" + encoded(query) + more);
  }
  // The ids of the traces, in their order.
  static std::vector<std::string> ids(const json::value& answer) {
    std::vector<std::string> out;
    for (const json::value& each : answer.at("traces").as_array()) out.emplace_back(each.at("traceID").as_string());
    return out;
  }
  static std::vector<std::string> texts(const json::value& list) {
    std::vector<std::string> out;
    for (const json::value& each : list.as_array()) out.emplace_back(each.as_string());
    return out;
  }
  std::string seconds(std::int64_t from_start) const {
    return std::to_string(static_cast<std::int64_t>(kStart / 1'000'000'000) + from_start);
  }
};

// ---- searches -------------------------------------------------------------------------------------------------------

TEST_F(TempoSearchTest, ATraceComesWithTheSpansThatWereFound) {
  const std::string body = tempo("/api/search?q=" + encoded(R"({ span.meshflow.verdict = "blocked" })")).body;
  const std::string set =
      R"({"spans":[{"spanID":"0000000000000002","name":"meshflow.agent","startTimeUnixNano":"1764000000002000000",)"
      R"("durationNanos":"5000000","attributes":[{"key":"meshflow.verdict","value":{"stringValue":"blocked"}}]}],)"
      R"("matched":1})";
  EXPECT_THAT(body, StartsWith(R"({"traces":[{"traceID":")" + kTrace1 +
                               R"(","rootServiceName":"meshflow","rootTraceName":"meshflow.run",)"
                               R"("startTimeUnixNano":"1764000000001000000","durationMs":6,"spanSet":)" +
                               set + R"(,"spanSets":[)" + set +
                               R"(],"serviceStats":{"meshflow":{"spanCount":2,"errorCount":1}}}],)"
                               R"("metrics":{"inspectedTraces":1,"inspectedBytes":")"));
  EXPECT_THAT(body, ::testing::EndsWith(R"(","completedJobs":1,"totalJobs":1,"inspectedSpans":"2"}})"));
}

TEST_F(TempoSearchTest, ATraceWithoutItsRootSaysSo) {
  const json::value answer = search(R"({ resource.service.name = "shop" })");
  EXPECT_THAT(ids(answer), ElementsAre(kTrace2));
  EXPECT_EQ(answer.at("traces").at(0).at("rootServiceName"), "<root span not yet received>");
  EXPECT_FALSE(answer.at("traces").at(0).as_object().contains("rootTraceName"));
}

TEST_F(TempoSearchTest, WithoutAQuestionTheNewestTracesCome) {
  EXPECT_THAT(ids(get("/api/search")), ElementsAre(kTrace2, kTrace1));
  EXPECT_THAT(ids(get("/api/search?limit=1")), ElementsAre(kTrace2));
  EXPECT_THAT(ids(get("/api/search?q=%7B%7D")), ElementsAre(kTrace2, kTrace1));
}

TEST_F(TempoSearchTest, NothingFoundIsAnAnswer) {
  EXPECT_EQ(tempo("/api/search?q=" + encoded(R"({ name = "nobody" })")).body,
            R"({"traces":[],"metrics":{"completedJobs":1,"totalJobs":1}})");
}

TEST_F(TempoSearchTest, SetsHaveWhatGroupsAndAggregatesSaid) {
  const json::value answer = search("{ } | by(name) | count() > 0");
  const json::value& first = answer.at("traces").at(1).at("spanSets").at(0);
  EXPECT_EQ(json::serialize(first.at("attributes")),
            R"json([{"key":"by(name)","value":{"stringValue":"meshflow.run"}},)json"
            R"json({"key":"count()","value":{"intValue":"1"}}])json");
}

TEST_F(TempoSearchTest, SpansAreAsManyAsAskedFor) {
  const json::value one = search("{ }", "&spss=1").at("traces").at(1).at("spanSet");
  EXPECT_EQ(one.at("spans").as_array().size(), 1u);
  EXPECT_EQ(one.at("matched"), 2);
  EXPECT_EQ(search("{ }", "&spss=0").at("traces").at(1).at("spanSet").at("spans").as_array().size(), 2u);
}

// Where a value says what a span itself has (its status), it is an attribute of that name, as in Tempo.
TEST_F(TempoSearchTest, SelectedFieldsComeUnderTheirNames) {
  const json::value answer = search("{ status = error } | select(kind, span.meshflow.tokens, duration)");
  EXPECT_EQ(json::serialize(answer.at("traces").at(0).at("spanSet").at("spans").at(0).at("attributes")),
            R"([{"key":"status","value":{"stringValue":"error"}},{"key":"kind","value":{"stringValue":"internal"}},)"
            R"({"key":"meshflow.tokens","value":{"intValue":"7"}}])");
}

TEST_F(TempoSearchTest, TheTimeIsThatOfTheSpansFound) {
  EXPECT_THAT(ids(search("{ }", "&start=" + seconds(-1) + "&end=" + seconds(1))), ElementsAre(kTrace2, kTrace1));
  EXPECT_TRUE(ids(search("{ }", "&start=" + seconds(1) + "&end=" + seconds(2))).empty());
}

TEST_F(TempoSearchTest, ADurationIsTheTraces) {
  // The first trace takes 6 ms, the second 5 ms.
  EXPECT_THAT(ids(search("{ }", "&minDuration=6ms")), ElementsAre(kTrace1));
  EXPECT_THAT(ids(search("{ }", "&maxDuration=5500us")), ElementsAre(kTrace2));
  EXPECT_THAT(ids(search("{ } | count() > 1", "&minDuration=6ms&maxDuration=7ms")), ElementsAre(kTrace1));
  EXPECT_THAT(ids(get("/api/search?tags=meshflow.role%3Dcritic&minDuration=6ms")), ElementsAre());
}

TEST_F(TempoSearchTest, TagsAreTakenAsPeopleTypeThem) {
  for (const char* const tags :
       {"meshflow.verdict=blocked", "meshflow.verdict = blocked", "verdict=blocked", "cost_usd > 0.01",
        "service: meshflow tag: verdict=blocked", "service.name=meshflow name=meshflow.run", R"(name="meshflow.run")",
        "attempt=2 error=true", "root.name=meshflow.run"}) {
    EXPECT_THAT(ids(get("/api/search?tags=" + encoded(tags))), ElementsAre(kTrace1)) << tags;
  }
  EXPECT_THAT(ids(get("/api/search?tags=" + encoded("cost_usd > 0.03"))), ElementsAre());
}

TEST_F(TempoSearchTest, ProtobufIsTheSameMessage) {
  const net::HttpResponse response = tempo("/api/search?q=" + encoded(R"({ span.meshflow.verdict = "blocked" })"),
                                           {{"Accept", "application/protobuf"}});
  EXPECT_EQ(response.header("content-type"), "application/protobuf");
  // traces (1): traceID (1), rootServiceName (2), rootTraceName (3), startTimeUnixNano (4), durationMs (5)
  const std::string trace = "\x0a\x20" + kTrace1 + "\x12\x08meshflow\x1a\x0cmeshflow.run";
  EXPECT_EQ(response.body.front(), '\x0a');
  EXPECT_EQ(response.body.find(trace), 3u);  // after the tag and a length of two bytes
  // spanSets[0].spans[0].attributes[0]: {key (1), value (2): {stringValue (1)}}
  EXPECT_THAT(response.body, HasSubstr("\x0a\x10meshflow.verdict\x12\x09\x0a\x07"
                                       "blocked"));
}

TEST_F(TempoSearchTest, LargeAnswersAreCompressedForThoseWhoAccept) {
  const net::HttpResponse response = tempo("/api/v2/search/tags", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(json::parse(response.body).at("scopes").as_array().size(), 4u);
}

// ---- what is wrong --------------------------------------------------------------------------------------------------

TEST_F(TempoSearchTest, ABadQueryIsRefusedAtItsPlace) {
  const net::HttpResponse response = tempo("/api/search?q=" + encoded("{ statsu = error }"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(response.body, "invalid TraceQL query: 1:3: unknown name \"statsu\" (did you mean status?)");
  EXPECT_EQ(tempo("/api/metrics/query_range?q=" + encoded("{ } | rat()")).status, 400);
}

// The lesson's form is no TraceQL: the answer shows how it would be written.
TEST_F(TempoSearchTest, TheLessonsUnquotedFormIsShownAsTraceQl) {
  const net::HttpResponse response = tempo("/api/search?q=" + encoded("meshflow.verdict = blocked"));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr(R"({ span.meshflow.verdict = "blocked" })"));
}

TEST_F(TempoSearchTest, SearchesAndMetricsAreToldApart) {
  EXPECT_THAT(tempo("/api/search?q=" + encoded("{ } | rate()")).body, HasSubstr("/api/metrics/query_range"));
  EXPECT_THAT(tempo("/api/metrics/query_range?q=" + encoded("{ }")).body, HasSubstr("| rate()"));
  EXPECT_EQ(tempo("/api/metrics/query?q=" + encoded("{ }")).status, 400);
}

// pkg/api/http.go of Tempo 3.
TEST_F(TempoSearchTest, ParametersAreRefusedInTemposWords) {
  const auto body = [&](const std::string& query) {
    const net::HttpResponse response = tempo("/api/search?" + query);
    EXPECT_EQ(response.status, 400) << query;
    return response.body;
  };
  EXPECT_EQ(body("start=x&end=1"), "invalid start: strconv.ParseUint: parsing \"x\": invalid syntax");
  EXPECT_EQ(body("end=4294967296"), "invalid end: strconv.ParseUint: parsing \"4294967296\": value out of range");
  EXPECT_EQ(body("start=5&end=5"), "http parameter start must be before end. received start=5 end=5");
  EXPECT_EQ(body("limit=0"), "invalid limit: must be a positive number");
  EXPECT_EQ(body("limit=10001"), "limit 10001 exceeds max limit 10000");
  EXPECT_EQ(body("spss=-1"), "invalid spss: strconv.ParseUint: parsing \"-1\": invalid syntax");
  EXPECT_EQ(body("minDuration=5"), "invalid minDuration: time: missing unit in duration \"5\"");
  EXPECT_EQ(body("minDuration=2s&maxDuration=1s"), "invalid maxDuration: must be greater than minDuration");
  EXPECT_EQ(body("q=%7B%7D&tags=a%3Db"), "invalid request: can't specify tags and q in the same query");
  EXPECT_THAT(body("tags=%22%22%3D5"), StartsWith("invalid tags: "));
}

TEST_F(TempoSearchTest, AQueryThatIsTooLongIsRefused) {
  // Of the 64 KiB of a request's head a query may take nearly all; longer ones never reach it.
  EXPECT_EQ(tempo("/api/search?q=" + std::string(70'000, 'a')).status, 431);
}

TEST_F(TempoSearchTest, ASearchThatMeetsALimitSaysSoAndGivesWhatItHas) {
  // Newest first: a trace of two spans, the second of one, and the first with four. The first two are read together.
  keep(request_of({make_span(3, 20), make_span(3, 21)}, "other"));
  keep(request_of({make_span(1, 4), make_span(1, 5)}, "meshflow"));
  QueryServiceOptions options;
  options.limits.rows_max = 3;
  auto small_workers = std::make_unique<net::WorkerPool>(1, 10);
  const QueryService small(*store_, *small_workers, std::move(options));
  net::HttpRouter router;
  add_tempo_routes(small, router);
  const auto server = listen("small", router, render_tempo_error);
  const net::HttpResponse some = send(*server, "/api/search?limit=2&q=" + encoded("{ } | count() < 2"));
  const json::value answer = json::parse(some.body);
  EXPECT_THAT(ids(answer), ElementsAre(kTrace2));
  EXPECT_EQ(answer.at("status"), "PARTIAL");
  EXPECT_THAT(std::string(answer.at("message").as_string()), HasSubstr("rows_max"));
  EXPECT_FALSE(answer.at("metrics").as_object().contains("completedJobs"));
  const net::HttpResponse none = send(*server, "/api/search?q=" + encoded("{ } | count() > 9"));
  EXPECT_EQ(none.status, 422) << none.body;
  EXPECT_THAT(none.body, HasSubstr("rows_max"));
  small_workers.reset();  // before the service, as it asks for
}

// ---- tags -----------------------------------------------------------------------------------------------------------

TEST_F(TempoSearchTest, TagNamesComeByScope) {
  const json::value answer = get("/api/v2/search/tags");
  const json::array& scopes = answer.at("scopes").as_array();
  ASSERT_EQ(scopes.size(), 4u);
  EXPECT_EQ(scopes[0].at("name"), "resource");
  EXPECT_THAT(texts(scopes[0].at("tags")), ElementsAre("service.name"));
  EXPECT_EQ(scopes[1].at("name"), "span");
  EXPECT_THAT(texts(scopes[1].at("tags")), ElementsAre("attempt", "meshflow.cost_usd", "meshflow.role",
                                                       "meshflow.run_id", "meshflow.tokens", "meshflow.verdict"));
  EXPECT_EQ(scopes[2].at("name"), "event");
  EXPECT_THAT(texts(scopes[2].at("tags")), ElementsAre("why"));
  EXPECT_EQ(scopes[3].at("name"), "intrinsic");
  EXPECT_THAT(texts(scopes[3].at("tags")), ::testing::IsSupersetOf({"name", "status", "span:name", "rootName"}));
}

TEST_F(TempoSearchTest, TagNamesMayBeOfOneScope) {
  EXPECT_EQ(tempo("/api/v2/search/tags?scope=resource").body,
            R"({"scopes":[{"name":"resource","tags":["service.name"]}],"metrics":{"totalJobs":1,"completedJobs":1}})");
  EXPECT_EQ(tempo("/api/search/tags?scope=resource").body,
            R"({"tagNames":["service.name"],"metrics":{"totalJobs":1,"completedJobs":1}})");
  EXPECT_EQ(get("/api/v2/search/tags?scope=intrinsic").at("scopes").as_array().size(), 1u);
  EXPECT_THAT(texts(get("/api/search/tags").at("tagNames")), Not(::testing::Contains("name")));
  const net::HttpResponse wrong = tempo("/api/v2/search/tags?scope=nothing");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body, "invalid scope: nothing");
}

TEST_F(TempoSearchTest, TagNamesAreThoseOfSpansThatFit) {
  const std::string filter = "&q=" + encoded(R"({ resource.service.name = "shop" })");
  EXPECT_THAT(texts(get("/api/v2/search/tags?scope=span" + filter).at("scopes").at(0).at("tags")),
              ElementsAre("attempt", "meshflow.role"));
  // What is still being written narrows nothing.
  EXPECT_EQ(get("/api/v2/search/tags?scope=span&q=" + encoded("{ resource.serv")).at("scopes").at(0).at("tags"),
            get("/api/v2/search/tags?scope=span").at("scopes").at(0).at("tags"));
}

TEST_F(TempoSearchTest, ValuesOfATagHaveTheirTypes) {
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/.attempt/values").at("tagValues")),
            R"([{"type":"int","value":"2"},{"type":"string","value":"two"}])");
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/span.meshflow.cost_usd/values").at("tagValues")),
            R"([{"type":"float","value":"0.02"}])");
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/event.why/values").at("tagValues")),
            R"([{"type":"bool","value":"true"}])");
  EXPECT_EQ(
      json::serialize(get("/api/v2/search/tag/status/values").at("tagValues")),
      R"([{"type":"keyword","value":"error"},{"type":"keyword","value":"ok"},{"type":"keyword","value":"unset"}])");
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/name/values").at("tagValues")),
            R"([{"type":"string","value":"meshflow.agent"},{"type":"string","value":"meshflow.run"}])");
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/rootServiceName/values").at("tagValues")),
            R"([{"type":"string","value":"meshflow"}])");
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/event%3Aname/values").at("tagValues")),
            R"([{"type":"string","value":"blocked"}])");
  // No two spans have the same: nothing to offer.
  EXPECT_TRUE(get("/api/v2/search/tag/duration/values").at("tagValues").as_array().empty());
}

TEST_F(TempoSearchTest, ValuesOfTheFirstVersionAreTexts) {
  EXPECT_THAT(texts(get("/api/search/tag/service.name/values").at("tagValues")), ElementsAre("meshflow", "shop"));
  EXPECT_THAT(texts(get("/api/search/tag/attempt/values").at("tagValues")), ElementsAre("2", "two"));
  EXPECT_THAT(texts(get("/api/search/tag/status.code/values").at("tagValues")), ElementsAre("error", "ok", "unset"));
}

TEST_F(TempoSearchTest, ValuesMayBeNarrowedAndCut) {
  const std::string filter = "?q=" + encoded(R"({ resource.service.name = "shop" })");
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/span.meshflow.role/values" + filter).at("tagValues")),
            R"([{"type":"string","value":"critic"}])");
  EXPECT_EQ(json::serialize(get("/api/v2/search/tag/resource.service.name/values" + filter).at("tagValues")),
            R"([{"type":"string","value":"shop"}])");
  const json::value cut = get("/api/v2/search/tag/name/values?limit=1");
  EXPECT_EQ(cut.at("tagValues").as_array().size(), 1u);
  EXPECT_FALSE(cut.at("metrics").as_object().contains("completedJobs"));
  const json::value later = get("/api/v2/search/tag/.attempt/values?start=" + seconds(50) + "&end=" + seconds(60));
  EXPECT_TRUE(later.at("tagValues").as_array().empty());
}

TEST_F(TempoSearchTest, ATagThatIsNoFieldIsRefused) {
  const net::HttpResponse response = tempo("/api/v2/search/tag/a%20b/values");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, StartsWith("please provide a valid tagName: "));
  EXPECT_EQ(tempo("/api/v2/search/tag/.a/values?limit=x").status, 400);
}

// ---- metrics --------------------------------------------------------------------------------------------------------

// Intervals end at whole steps: spans at 1, 2 and 3 ms after kStart are in (kStart, kStart + 60 s]. Those of 0, which
// protobuf's JSON leaves out, have no value.
TEST_F(TempoSearchTest, ARangeHasASampleForEachStep) {
  const std::string path = "/api/metrics/query_range?q=" + encoded("{ } | count_over_time() by (span.meshflow.role)") +
                           "&step=60&start=" + seconds(0) + "&end=" + seconds(60);
  EXPECT_EQ(tempo(path).body,
            R"({"series":[{"labels":[{"key":"span.meshflow.role","value":{"stringValue":"critic"}}],)"
            R"("samples":[{"timestampMs":"1764000060000","value":1}]},)"
            R"({"labels":[{"key":"span.meshflow.role","value":{"stringValue":"nil"}}],)"
            R"("samples":[{"timestampMs":"1764000060000","value":1}]},)"
            R"({"labels":[{"key":"span.meshflow.role","value":{"stringValue":"planner"}}],)"
            R"("samples":[{"timestampMs":"1764000060000","value":1}]}],"metrics":{"completedJobs":1,"totalJobs":1}})");
}

TEST_F(TempoSearchTest, ARangeBeginsAnHourAgoUnlessItSaysSo) {
  // kNow is an hour after kStart: the last interval of sixty minutes ends now.
  const json::value hour = get("/api/metrics/query_range?q=" + encoded("{ } | count_over_time()") + "&step=1h");
  EXPECT_EQ(json::serialize(hour.at("series").at(0).at("labels")),
            R"([{"key":"__name__","value":{"stringValue":"count_over_time"}}])");
  const json::value minute =
      get("/api/metrics/query_range?q=" + encoded("{ } | count_over_time()") + "&step=1m&since=5m");
  for (const json::value& sample : minute.at("series").at(0).at("samples").as_array()) {
    EXPECT_FALSE(sample.as_object().contains("value")) << json::serialize(sample);
  }
  EXPECT_TRUE(get("/api/metrics/query_range?query=" + encoded("{ } | rate()") + "&since=2h").at("series").is_array());
}

TEST_F(TempoSearchTest, AnInstantHasOneValue) {
  EXPECT_EQ(tempo("/api/metrics/query?q=" +
                  encoded(R"({ name = "meshflow.run" } | sum_over_time(span.meshflow.cost_usd))") + "&since=2h")
                .body,
            R"({"series":[{"labels":[{"key":"__name__","value":{"stringValue":"sum_over_time"}}],"value":0.02}],)"
            R"("metrics":{"completedJobs":1,"totalJobs":1}})");
}

TEST_F(TempoSearchTest, TimesAreTakenInEveryFormThatTempoTakes) {
  const std::string q = "/api/metrics/query?q=" + encoded("{ } | count_over_time()");
  for (const std::string& range :
       {"&start=" + seconds(0) + "&end=" + seconds(10),
        std::string("&start=1764000000000000000&end=1764000010000000000"),
        std::string("&start=1764000000.001&end=1764000000.003"),
        std::string("&start=2025-11-24T16:00:00Z&end=2025-11-24T16:00:10.5Z"), "&end=" + seconds(10) + "&since=1m"}) {
    EXPECT_EQ(get(q + range).at("series").at(0).at("value"), 3) << range;
  }
}

TEST_F(TempoSearchTest, ExemplarsNameSpansWhereTheyAreAskedFor) {
  const std::string path = "/api/metrics/query_range?q=" + encoded("{ name = \"meshflow.run\" } | rate()") +
                           "&step=60&start=" + seconds(0) + "&end=" + seconds(60);
  EXPECT_FALSE(get(path).at("series").at(0).as_object().contains("exemplars"));
  // Of a rate, what the series has at that time: one span in a minute.
  EXPECT_EQ(json::serialize(get(path + "&exemplars=5").at("series").at(0).at("exemplars")),
            R"([{"labels":[{"key":"trace:id","value":{"stringValue":")" + kTrace1 +
                R"("}},{"key":"span:id","value":{"stringValue":"0000000000000001"}}],"value":1.6666666666666666E-2,)"
                R"("timestampMs":"1764000000001"}])");
}

TEST_F(TempoSearchTest, TooManySeriesAreCutAndTheAnswerSaysSo) {
  const json::value answer =
      get("/api/metrics/query_range?maxSeries=1&step=60&q=" + encoded("{ } | count_over_time() by (name)") +
          "&start=" + seconds(0) + "&end=" + seconds(60));
  EXPECT_EQ(answer.at("series").as_array().size(), 1u);
  EXPECT_EQ(answer.at("status"), "PARTIAL");
  EXPECT_THAT(std::string(answer.at("message").as_string()), HasSubstr("first 1 of 2 series"));
}

TEST_F(TempoSearchTest, RangesThatAreNoneAreRefused) {
  const std::string q = "/api/metrics/query_range?q=" + encoded("{ } | rate()");
  const auto body = [&](const std::string& more) {
    const net::HttpResponse response = tempo(q + more);
    EXPECT_EQ(response.status, 400) << more;
    return response.body;
  };
  EXPECT_EQ(body("&start=" + seconds(5) + "&end=" + seconds(5)), "end must be greater than start");
  EXPECT_EQ(body("&start=yesterday"),
            "could not parse 'start' parameter: strconv.ParseInt: parsing \"yesterday\": invalid syntax");
  EXPECT_EQ(body("&since=long"), "could not parse 'since' parameter: not a valid duration string: \"long\"");
  EXPECT_EQ(body("&step=-5"), "cannot parse \"-5\": step must be positive");
  EXPECT_EQ(body("&step=x"), "cannot parse \"x\" to a valid duration");
  EXPECT_THAT(body("&step=0"), StartsWith("step of 0s is too small"));
  const net::HttpResponse many = tempo(q + "&step=1ms&since=1h");
  EXPECT_EQ(many.status, 422);
  EXPECT_THAT(many.body, HasSubstr("kPointsMax"));
}

// ---- the second mount, and clients that go --------------------------------------------------------------------------

TEST_F(TempoSearchTest, TheSameAnswersStandUnderAPrefix) {
  net::HttpRouter router;
  add_tempo_routes(*service_, router, {.prefix = "/tempo", .errors = TempoErrors::json});
  const auto server = listen("ui", router, render_jaeger_error);
  const std::string path = "/api/search?q=" + encoded("{ status = error }");
  EXPECT_EQ(send(*server, "/tempo" + path).body, tempo(path).body);
  const net::HttpResponse wrong = send(*server, "/tempo/api/search?q=" + encoded("{ statsu = error }"));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(
      wrong.body,
      R"({"error":{"code":"invalid_input","message":"unknown name \"statsu\"","line":1,"column":3,"length":6,"from":2,"to":8,)"
      R"("hint":"did you mean status?"}})");
  const net::HttpResponse missing = send(*server, "/tempo/api/traces/ab");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr(R"("code":"not_found")"));
  EXPECT_THAT(send(*server, "/tempo/api/nothing").body, HasSubstr(R"({"error":{"code":"not_found")"));
}

TEST_F(TempoSearchTest, AQueryEndsWhenItsClientGoes) {
  // The query waits in the store's watch of limits; its client is gone before it begins.
  ClientWatch watch;
  std::atomic<bool> is_wanted{true};
  const ClientWatch::Guard guard(watch, [&] { return is_wanted.load(); });
  TempoAsking asking{*store_};
  asking.limits.cancelled = &guard.is_gone();
  ASSERT_TRUE(answer_search(asking, {}));
  is_wanted = false;
  while (!guard.is_gone()) std::this_thread::yield();
  const auto answer = answer_search(asking, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.code, ErrorCode::cancelled);
}

TEST_F(TempoSearchTest, PartsComeAsTracesAreFound) {
  std::vector<std::string> parts;
  const auto whole = answer_search({*store_}, {}, [&](std::string part) { parts.push_back(std::move(part)); });
  ASSERT_TRUE(whole);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_THAT(parts[0], HasSubstr(kTrace2));
  EXPECT_THAT(parts[1], HasSubstr(kTrace1));
}

}  // namespace
}  // namespace meshflow::server
