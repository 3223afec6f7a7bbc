// What the web UI asks about runs and traces: answers worked out by hand, in memory and in DuckDB.
#include "server/ui_api_fixture.hpp"

namespace meshflow::server::test {
namespace {

using ::testing::HasSubstr;

class UiApiTest : public UiApiFixture, public ::testing::WithParamInterface<bool> {
 protected:
  // Keeps the spans, in memory or in DuckDB.
  void put(std::vector<otlp::Span> spans, const std::string& service = "meshflow") {
    keep(request_of(std::move(spans), service));
    if (GetParam()) {
      ASSERT_TRUE(store_->flush());
    }
  }
  // The run ids of a list, and its total.
  std::string runs(const std::string& query) {
    const json::value answer = ask("runs?" + query);
    std::string ids;
    for (const json::value& run : answer.at("runs").as_array()) {
      ids += (ids.empty() ? "" : " ") + text(run.at("run_id").is_null() ? run.at("trace_id") : run.at("run_id"));
    }
    return ids + " of " + text(answer.at("total"));
  }
};
INSTANTIATE_TEST_SUITE_P(Where, UiApiTest, ::testing::Bool(),
                         [](const auto& where) { return where.param ? "InDuckDb" : "InMemory"; });

TEST_P(UiApiTest, ARunIsARowWithItsFigures) {
  put(run(1, 0, 0.012, 100, "blocked"));
  const json::value answer = ask("runs");
  EXPECT_EQ(text(answer.at("runs")),
            R"([{"run_id":"run_1","trace_id":"4a000000000000000000000000000001","root":"meshflow.run",)"
            R"("service":"meshflow","workflow":"answer","version":"v1","variant":null,"status":"completed",)"
            R"("start_ns":"1764000000000000000","duration_ns":2000000000,"spans":2,"errors":1,"blocked":1,)"
            R"("blocked_rule":"uncertainty_max","pending":0,"cost_nano_usd":"12000000",)"
            R"("tokens":{"total":100,"input":99,"output":1,"cached":0},"carbon_g":2.5E-1,"carbon_ng":"250000000"}])");
  EXPECT_EQ(text(answer.at("total")), "1");
  EXPECT_EQ(text(answer.at("query")), R"("{ }")");
  EXPECT_EQ(text(answer.at("tags")), R"("{}")");
  EXPECT_TRUE(answer.at("next_cursor").is_null());
}

TEST_P(UiApiTest, ATraceThatIsNoRunIsARowToo) {
  put({make_span(3, 1, "GET /"), make_span(3, 2, "SELECT")}, "shop");
  const json::value row = ask("runs").at("runs").at(0);
  EXPECT_TRUE(row.at("run_id").is_null());
  EXPECT_EQ(text(row.at("root")), R"("GET /")");
  EXPECT_EQ(text(row.at("status")), R"("unset")");
  EXPECT_TRUE(row.at("cost_nano_usd").is_null());
  EXPECT_TRUE(row.at("tokens").is_null());
}

TEST_P(UiApiTest, RunsComeNewestFirstAndByAnyColumn) {
  put(run(1, 30, 0.03, 5));
  put(run(2, 20, 0.01, 7));
  put(run(3, 10, 0.02, 6, "blocked"));
  EXPECT_EQ(runs(""), R"("run_1" "run_2" "run_3" of 3)");
  EXPECT_EQ(runs("sort=start_ns"), R"("run_3" "run_2" "run_1" of 3)");
  EXPECT_EQ(runs("sort=-cost_nano_usd"), R"("run_1" "run_3" "run_2" of 3)");
  EXPECT_EQ(runs("sort=tokens"), R"("run_1" "run_3" "run_2" of 3)");
  EXPECT_EQ(runs("sort=-blocked"), R"("run_3" "run_1" "run_2" of 3)");
  EXPECT_EQ(runs("sort=-version"), R"("run_3" "run_2" "run_1" of 3)");
  // Nobody has a variant: newest first.
  EXPECT_EQ(runs("sort=variant"), R"("run_1" "run_2" "run_3" of 3)");
}

TEST_P(UiApiTest, APageBeginsBehindTheOneBefore) {
  put(run(1, 30, 0.03, 5));
  put(run(2, 20, 0.01, 5));
  put(run(3, 10, 0.02, 5));
  for (const std::string sort : {"-start_ns", "cost_nano_usd", "-tokens", "version"}) {
    std::string all;
    std::string cursor;
    for (int page = 0; page < 3; ++page) {
      const json::value answer = ask("runs?limit=1&sort=" + sort + (cursor.empty() ? "" : "&cursor=" + cursor));
      all += text(answer.at("runs").at(0).at("run_id"));
      EXPECT_EQ(text(answer.at("total")), "3");
      cursor = answer.at("next_cursor").is_null() ? "" : std::string(answer.at("next_cursor").as_string());
      EXPECT_EQ(cursor.empty(), page == 2) << sort;
    }
    EXPECT_EQ(all, sort == "cost_nano_usd" ? R"("run_2""run_3""run_1")" : R"("run_1""run_2""run_3")") << sort;
  }
  EXPECT_EQ(get("runs?cursor=nonsense").status, 400);
  const std::string first = std::string(ask("runs?limit=1").at("next_cursor").as_string());
  EXPECT_EQ(get("runs?sort=spans&cursor=" + first).status, 400);
}

TEST_P(UiApiTest, TheFieldsOfTheSearchFormAreOneQuestion) {
  put(run(1, 30, 0.03, 5));
  put(run(2, 20, 0.01, 5, "blocked"));
  put({make_span(7, 1, "GET /")}, "shop");
  EXPECT_EQ(runs("service=meshflow"), R"("run_1" "run_2" of 2)");
  EXPECT_EQ(runs("tags=run_id%3Drun_1"), R"("run_1" of 1)");
  EXPECT_EQ(runs("tags=%7B%22run_id%22%3A%22run_1%22%7D"), R"("run_1" of 1)");
  EXPECT_EQ(runs("tags=verdict%3Dblocked"), R"("run_2" of 1)");
  EXPECT_EQ(runs("tags=cost_usd+%3E+0.01"), R"("run_1" of 1)");
  EXPECT_EQ(runs("operation=meshflow.agent&tags=verdict%3Dblocked&service=meshflow"), R"("run_2" of 1)");
  EXPECT_EQ(runs("service=meshflow&minDuration=2s"), R"("run_1" "run_2" of 2)");
  EXPECT_EQ(runs("maxDuration=100ms"), R"("4a000000000000000000000000000007" of 1)");
  EXPECT_EQ(runs("q=%7B+status+%3D+error+%7D"), R"("run_2" of 1)");
  EXPECT_EQ(runs("q=%7B+status+%3D+error+%7D&service=shop"), " of 0");
  EXPECT_EQ(runs("q=%7B+%7D+%7C+count()+%3D+2"), R"("run_1" "run_2" of 2)");
  EXPECT_EQ(runs("q=%7B+%7D+%7C+count()+%3D+2&operation=meshflow.agent"), R"("run_1" "run_2" of 2)");
  const json::value asked = ask("runs?service=meshflow&tags=verdict%3Dblocked+cost_usd+%3E+0.01&minDuration=1s");
  EXPECT_EQ(asked.at("query").as_string(),
            R"({ resource.service.name = "meshflow" && .verdict = "blocked" && .cost_usd > 0.01 && duration >= 1s })");
  EXPECT_EQ(asked.at("tags").as_string(), R"({"verdict":"blocked","cost_usd":"> 0.01"})");
}

TEST_P(UiApiTest, ARunIsInTheRangeInWhichASpanOfItStarts) {
  put(run(1, 30, 0.03, 5));  // spans at 30 s and 30.5 s
  put(run(2, 20, 0.01, 5));
  const auto from = [](std::uint64_t millisecond) { return std::to_string(kStart + millisecond * 1'000'000); };
  EXPECT_EQ(runs("start=" + from(30'500)), R"("run_1" of 1)");
  EXPECT_EQ(runs("start=" + from(30'501)), " of 0");
  EXPECT_EQ(runs("end=" + from(20'000)), R"("run_2" of 1)");
  EXPECT_EQ(runs("start=" + from(20'501) + "&end=" + from(29'999)), " of 0");
  // Between its two spans a run has none.
  EXPECT_EQ(runs("start=" + from(20'001) + "&end=" + from(20'499)), " of 0");
}

TEST_P(UiApiTest, WhatIsWrongIsSaidWithItsPlace) {
  const auto bad = get("runs?q=%7B+statsu+%3D+error+%7D");
  EXPECT_EQ(bad.status, 400);
  const json::value error = json::parse(bad.body).at("error");
  EXPECT_EQ(text(error.at("line")), "1");
  EXPECT_EQ(text(error.at("column")), "3");
  EXPECT_EQ(text(error.at("length")), "6");
  EXPECT_EQ(text(error.at("from")), "2");
  EXPECT_EQ(text(error.at("to")), "8");
  for (const std::string query : {"sort=price", "limit=0", "limit=1501", "limit=x", "start=today", "minDuration=long",
                                  "tags=%3D", "q=%7B+%7D+%7C+rate()"}) {
    const auto response = get("runs?" + query);
    EXPECT_EQ(response.status, 400) << query << response.body;
    EXPECT_THAT(response.body, HasSubstr(R"({"error":{"code":"invalid_)")) << query;
  }
}

TEST_P(UiApiTest, IdsAreResolvedWhateverTheyAreOf) {
  put(run(1, 30, 0.03, 5));
  const auto kinds = [&](const std::string& id) {
    std::string found;
    const json::value answer = ask("resolve?id=" + id);
    for (const json::value& match : answer.at("matches").as_array()) {
      found += std::string(match.at("kind").as_string()) + " " + std::string(match.at("trace_id").as_string()) + ";";
    }
    return found;
  };
  const std::string trace = "4a000000000000000000000000000001";
  EXPECT_EQ(kinds(trace), "trace " + trace + ";");
  EXPECT_EQ(kinds("4A000000"), "trace " + trace + ";");
  EXPECT_EQ(kinds("4a00000"), "");  // a beginning needs eight digits
  EXPECT_EQ(kinds("run_1"), "run " + trace + ";");
  EXPECT_EQ(kinds("000000000000000b"), "span " + trace + ";");  // the agent's, 11
  EXPECT_EQ(kinds("run_2"), "");
  EXPECT_EQ(kinds("hello"), "");
  EXPECT_EQ(get("resolve").status, 400);
  put({make_span(0, 1)});
  otlp::Span small = make_span(0, 2);
  small.trace_id = {};
  small.trace_id[15] = 0xab;
  put({small});
  EXPECT_EQ(kinds("ab"), "trace 000000000000000000000000000000ab;");
}

TEST_P(UiApiTest, AnOutlineHasARowForEachSpan) {
  put(run(1, 0, 0.012, 100, "blocked"));
  const json::value outline = ask("traces/4a000000000000000000000000000001/outline");
  EXPECT_EQ(text(outline.at("columns")),
            R"({"parent":[-1,0],"name":[0,1],"role":[-1,0],"service":[0,0],"node":[-1,0],"agent":[-1,-1],)"
            R"("kind":[1,3],"otel_kind":[1,1],"start":[0,500000000],"duration":[2000000000,1500000000],)"
            R"("status":[1,2],"verdict":[0,2],"cost_nano_usd":[12000000,12000000],"tokens":[100,null],"flags":[0,0]})");
  EXPECT_EQ(outline.at("span_ids").as_string(), "000000000000000a000000000000000b");
  EXPECT_EQ(text(outline.at("names")), R"(["meshflow.run","meshflow.agent"])");
  EXPECT_EQ(text(outline.at("roles")), R"(["researcher"])");
  EXPECT_EQ(text(outline.at("services")), R"(["meshflow"])");
  EXPECT_EQ(text(outline.at("nodes")), R"(["research"])");
  EXPECT_EQ(text(outline.at("start_ns")), R"("1764000000000000000")");
  EXPECT_TRUE(outline.at("complete").as_bool());
  EXPECT_EQ(text(outline.at("run").at("run_id")), R"("run_1")");
  EXPECT_EQ(text(outline.at("missing")), "[]");
  EXPECT_EQ(text(outline.at("folded")), "[]");
  EXPECT_EQ(get("traces/4a0000000000000000000000000000ff/outline").status, 404);
  EXPECT_EQ(get("traces/xyz/outline").status, 400);
}

TEST_P(UiApiTest, AnOutlineTellsOfWhatHasNotArrivedAndOfRings) {
  otlp::Span orphan = make_span(5, 1, "orphan");
  orphan.parent_span_id = store::test::span_id(99);
  otlp::Span a = make_span(5, 2, "a");
  otlp::Span b = make_span(5, 3, "b");
  a.parent_span_id = b.span_id;
  b.parent_span_id = a.span_id;
  otlp::Span below = make_span(5, 4, "below");
  below.parent_span_id = b.span_id;
  otlp::Span own = make_span(5, 5, "its own parent");
  own.parent_span_id = own.span_id;
  put({orphan, a, b, below, own});
  const json::value outline = ask("traces/4a000000000000000000000000000005/outline");
  EXPECT_EQ(text(outline.at("columns").at("parent")), "[-2,-1,1,2,-1]");
  EXPECT_EQ(text(outline.at("columns").at("flags")), "[0,32,0,0,32]");
  EXPECT_EQ(text(outline.at("missing")), R"([{"span_id":"0000000000000063","children":[0]}])");
  EXPECT_FALSE(outline.at("complete").as_bool());
}

TEST_P(UiApiTest, AnOutlineHasEventsAndLinks) {
  otlp::Span first = make_span(6, 1, "first");
  first.events = {{.time_unix_nano = first.start_time_unix_nano + 7, .name = "retry", .attributes = {}}};
  first.dropped_attributes_count = 3;
  otlp::Span second = make_span(6, 2, "chat mock-1");
  second.attributes = {attribute("gen_ai.operation.name", "chat"),
                       attribute("gen_ai.usage.input_tokens", std::int64_t{5}),
                       attribute("gen_ai.usage.output_tokens", std::int64_t{2}),
                       attribute("gen_ai.input.messages", "[]"), attribute("meshflow.cost_usd", std::int64_t{2})};
  otlp::Link link;
  link.trace_id = first.trace_id;
  link.span_id = first.span_id;
  link.attributes = {attribute("meshflow.link", "block")};
  second.links = {link};
  put({first, second});
  const json::value outline = ask("traces/4a000000000000000000000000000006/outline");
  EXPECT_EQ(text(outline.at("events")), "[[0,7]]");
  EXPECT_EQ(text(outline.at("links")),
            R"([{"from":1,"trace_id":"4a000000000000000000000000000006","span_id":"0000000000000001","to":0,)"
            R"("type":"block"}])");
  EXPECT_EQ(text(outline.at("columns").at("flags")), "[5,18]");
  EXPECT_EQ(text(outline.at("columns").at("kind")), "[0,4]");
  EXPECT_EQ(text(outline.at("columns").at("tokens")), "[null,7]");
  EXPECT_EQ(text(outline.at("columns").at("cost_nano_usd")), "[null,2000000000]");
}

TEST_P(UiApiTest, OnlyWhatIsNewIsSentSinceARevision) {
  auto spans = run(1, 0, 0.012, 100);
  put({spans[1]});  // the agent, whose parent has not arrived
  const std::string path = "traces/4a000000000000000000000000000001/outline";
  const json::value before = ask(path);
  EXPECT_EQ(text(before.at("columns").at("parent")), "[-2]");
  put({spans[0]});
  const std::string revision(before.at("revision").as_string());
  const json::value delta = ask(path + "?since=" + revision);
  EXPECT_EQ(text(delta.at("since")), "\"" + revision + "\"");
  EXPECT_EQ(delta.at("span_ids").as_string(), "000000000000000a");
  EXPECT_EQ(text(delta.at("columns").at("parent")), "[-1]");
  EXPECT_EQ(text(delta.at("reparented")), "[[0,1]]");
  EXPECT_EQ(text(delta.at("spans")), "2");
  // Nothing is new since then; a revision that nobody gave is the whole.
  const json::value none = ask(path + "?since=" + std::string(delta.at("revision").as_string()));
  EXPECT_EQ(none.at("span_ids").as_string(), "");
  const json::value whole = ask(path + "?since=12-00");
  EXPECT_EQ(whole.as_object().if_contains("since"), nullptr);
  EXPECT_EQ(whole.at("span_ids").as_string(), "000000000000000a000000000000000b");
}

TEST_P(UiApiTest, AnOutlineThatIsKnownIsNotSentAgain) {
  put(run(1, 0, 0.012, 100));
  const std::string path = "traces/4a000000000000000000000000000001/outline";
  const std::string tag(get(path).header("etag"));
  ASSERT_FALSE(tag.empty());
  EXPECT_EQ(get(path, {{"if-none-match", tag}}).status, 304);
  otlp::Span more = make_span(1, 50, "more");
  put({more});
  EXPECT_EQ(get(path, {{"if-none-match", tag}}).status, 200);
}

TEST_P(UiApiTest, ASpanComesWhole) {
  otlp::Span span = make_span(8, 1, "work");
  span.kind = otlp::SpanKind::client;
  span.status = {"it broke", otlp::StatusCode::error};
  span.attributes = {attribute("n", std::int64_t{9'007'199'254'740'993}), attribute("d", 0.5), attribute("b", true),
                     attribute("t", "x"), attribute("a", otlp::ArrayValue{{{std::int64_t{1}}}, {{std::string("y")}}})};
  span.events = {{.time_unix_nano = 12, .name = "retry", .attributes = {attribute("k", "v")}}};
  put({span, make_span(8, 2)}, "shop");
  const json::value whole = ask("traces/4a000000000000000000000000000008/spans/0000000000000001");
  EXPECT_EQ(text(whole.at("attributes")),
            R"([{"key":"n","type":"int","value":"9007199254740993"},{"key":"d","type":"double","value":5E-1},)"
            R"({"key":"b","type":"bool","value":true},{"key":"t","type":"string","value":"x"},)"
            R"({"key":"a","type":"array","value":"[1,\"y\"]"}])");
  EXPECT_EQ(text(whole.at("status")), R"({"code":"error","message":"it broke"})");
  EXPECT_EQ(text(whole.at("kind")), R"("client")");
  EXPECT_TRUE(whole.at("parent_span_id").is_null());
  EXPECT_EQ(text(whole.at("events")),
            R"([{"time_ns":"12","name":"retry","attributes":[{"key":"k","type":"string","value":"v"}],)"
            R"("dropped_attributes":0}])");
  EXPECT_EQ(text(whole.at("resource")),
            R"({"schema_url":"","attributes":[{"key":"service.name","type":"string","value":"shop"}]})");
  EXPECT_EQ(text(whole.at("scope").at("name")), R"("test")");
  EXPECT_EQ(text(whole.at("raw").at("name")), R"("work")");
  EXPECT_EQ(get("traces/4a000000000000000000000000000008/spans/0000000000000009").status, 404);
  EXPECT_EQ(get("traces/4a000000000000000000000000000008/spans/1").status, 400);
}

TEST_P(UiApiTest, FindGivesRowsOfTheOutlineThatTheAskerHas) {
  auto spans = run(1, 0, 0.012, 100, "blocked");
  put({spans[1]});
  const std::string path = "traces/4a000000000000000000000000000001";
  const std::string old(ask(path + "/outline").at("revision").as_string());
  put({spans[0]});
  const auto found = [&](const std::string& query) { return text(ask(path + "/find?" + query).at("indices")); };
  EXPECT_EQ(found("q=RESEARCHER"), "[1]");
  EXPECT_EQ(found("q=RESEARCHER&revision=" + old), "[0]");
  EXPECT_EQ(found("q=verdict%3Dblocked"), "[1]");
  EXPECT_EQ(found("q=meshflow"), "[0,1]");
  EXPECT_EQ(found("q=%7B+status+%3D+error+%7D"), "[1]");
  EXPECT_EQ(found("q=%7B+name+%3D+%22meshflow.run%22+%7D"), "[0]");
  EXPECT_EQ(found("q=nothing+of+the+kind"), "[]");
  EXPECT_EQ(get(path + "/find?q=%7B+name+%3D+5").status, 400);
  EXPECT_EQ(get(path + "/find").status, 400);
  EXPECT_EQ(get("traces/4a0000000000000000000000000000ff/find?q=x").status, 404);
}

TEST_P(UiApiTest, CapabilitiesTellWhatIsThere) {
  put(run(1, 0, 0.012, 100));
  put({make_span(7, 1, "GET /")}, "shop");
  const json::value capabilities = ask("capabilities");
  EXPECT_EQ(text(capabilities.at("spans")), "3");
  EXPECT_EQ(text(capabilities.at("runs")), "1");
  EXPECT_EQ(text(capabilities.at("api")), "1");
  EXPECT_EQ(text(capabilities.at("retention_s")), "0");
  EXPECT_EQ(text(capabilities.at("limits").at("runs_max")), "1500");
}

TEST_P(UiApiTest, SqlIsOfferedToThoseFromWhomItIsTaken) {
  EXPECT_FALSE(ask("capabilities").at("sql").as_bool());
  start({.may_ask_sql = [](const net::HttpServerRequest& request) { return request.header("cookie") == "s=1"; }});
  EXPECT_FALSE(ask("capabilities").at("sql").as_bool());
  EXPECT_TRUE(json::parse(get("capabilities", {{"cookie", "s=1"}}).body).at("sql").as_bool());
}

}  // namespace
}  // namespace meshflow::server::test
