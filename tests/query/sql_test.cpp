// SQL over the views: what their columns hold, wherever the spans lie.
#include "query/sql_fixture.hpp"

#include "query/sql/render.hpp"
#include "query/sql/views.hpp"

namespace meshflow::query::sql::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Trace 1: a run of 100 ms that cost 0.0036 dollars, two agents, a model call; trace 2: a request with a run within.
otlp::TracesData two_traces() {
  std::vector<otlp::Span> spans;
  const auto add = [&spans](std::uint64_t trace, std::uint64_t id, std::uint64_t parent, const char* name,
                            std::uint64_t start_ms, std::uint64_t end_ms, otlp::KeyValueList attributes) {
    otlp::Span span = make_span(trace, id, name);
    if (parent != 0) span.parent_span_id = store::test::span_id(parent);
    span.start_time_unix_nano = kStart + start_ms * 1'000'000;
    span.end_time_unix_nano = kStart + end_ms * 1'000'000;
    span.attributes = std::move(attributes);
    spans.push_back(std::move(span));
  };
  add(1, 1, 0, "meshflow.run", 0, 100,
      {{"meshflow.run_id", {"run_a"}},
       {"meshflow.workflow.name", {"team"}},
       {"meshflow.workflow.version", {"2"}},
       {"meshflow.variant", {"fast"}},
       {"meshflow.status", {"completed"}},
       {"meshflow.cost_usd", {0.0036}},
       {"meshflow.tokens", {std::int64_t{460}}},
       {"meshflow.tokens.input", {std::int64_t{400}}},
       {"meshflow.tokens.output", {std::int64_t{60}}},
       {"meshflow.blocked", {std::int64_t{1}}},
       {"meshflow.carbon_g", {0.000000002}}});
  add(1, 2, 1, "meshflow.agent", 0, 50,
      {{"meshflow.run_id", {"run_a"}},
       {"meshflow.role", {"planner"}},
       {"meshflow.cost_usd", {0.0012}},
       {"meshflow.tokens", {std::int64_t{148}}},
       {"meshflow.verdict", {"allowed"}}});
  add(1, 3, 1, "meshflow.agent", 25, 75,
      {{"meshflow.run_id", {"run_a"}},
       {"meshflow.role", {"critic"}},
       {"meshflow.cost_usd", {0.0024}},
       {"meshflow.tokens", {std::int64_t{312}}},
       {"meshflow.verdict", {"blocked"}},
       {"meshflow.rule_id", {"pii"}}});
  spans.back().status.code = otlp::StatusCode::error;
  spans.back().status.message = "a card number";
  add(1, 4, 3, "chat m", 30, 70, {{"gen_ai.request.model", {"m"}}, {"gen_ai.usage.input_tokens", {std::int64_t{300}}}});
  spans.back().kind = otlp::SpanKind::client;
  add(2, 5, 0, "GET /", 200, 450,
      {{"http.request.method", {"GET"}}, {"http.response.status_code", {std::int64_t{200}}}});
  spans.back().kind = otlp::SpanKind::server;
  add(2, 6, 5, "meshflow.run", 210, 440,
      {{"meshflow.run_id", {"run_b"}},
       {"meshflow.workflow.name", {"team"}},
       {"meshflow.workflow.version", {"3"}},
       {"meshflow.cost_usd", {0.0125}},
       {"meshflow.tokens", {std::int64_t{1'000}}},
       {"meshflow.carbon_g", {0.25}}});
  return request_of(std::move(spans));
}

class SqlViews : public SqlTest {};

TEST_F(SqlViews, ASpanHasItsColumns) {
  keep(two_traces());
  EXPECT_THAT(lines("SELECT trace_id, span_id, parent_span_id, name, kind, service, start_time, end_time, start_ns, "
                    "end_ns, duration_ns, duration_ms, status, is_error, status_message FROM spans "
                    "WHERE span_id = '0000000000000003'"),
              ElementsAre("4a000000000000000000000000000001|0000000000000003|0000000000000001|meshflow.agent|internal|"
                          "shop|2025-11-24 16:00:00.025|2025-11-24 16:00:00.075|1764000000025000000|"
                          "1764000000075000000|50000000|50|error|true|a card number"));
  EXPECT_THAT(lines("SELECT run_id, role, verdict, rule_id, cost_usd, cost_nano_usd, tokens FROM spans "
                    "WHERE verdict = 'blocked'"),
              ElementsAre("run_a|critic|blocked|pii|0.002400000|2400000|312"));
  EXPECT_THAT(lines("SELECT parent_span_id, kind, http_method, http_status, run_id FROM spans WHERE name = 'GET /'"),
              ElementsAre("NULL|server|GET|200|NULL"));
  EXPECT_THAT(lines("SELECT model, input_tokens, kind FROM spans WHERE model IS NOT NULL"),
              ElementsAre("m|300|client"));
}

TEST_F(SqlViews, EveryDocumentedColumnIsThereWithItsType) {
  for (const bool is_empty : {true, false}) {
    if (!is_empty) keep(two_traces());
    for (const std::string_view view : view_names()) {
      const auto answer = ask(fmt::format("SELECT * FROM {}", view));
      ASSERT_TRUE(answer) << view << ": " << answer.error().text();
      std::vector<std::string> found;
      for (const auto& column : answer->rows.columns) found.push_back(column.name + " " + column.type);
      std::vector<std::string> documented;
      for (const ViewColumn& column : view_columns(view)) {
        documented.push_back(fmt::format("{} {}", column.name, column.type));
      }
      EXPECT_EQ(found, documented) << view;
    }
  }
}

TEST_F(SqlViews, ATraceIsTheSumOfItsSpans) {
  keep(two_traces());
  EXPECT_THAT(lines("SELECT root_name, service, run_id, workflow_name, workflow_version, variant, status, start_ns, "
                    "duration_ns, duration_ms, spans, errors, blocked, cost_usd, cost_nano_usd, tokens, carbon_ng "
                    "FROM traces ORDER BY start_ns"),
              ElementsAre("meshflow.run|shop|run_a|team|2|fast|completed|1764000000000000000|100000000|100|4|1|1|"
                          "0.003600000|3600000|460|2",
                          // The root is no run: its run's sums.
                          "GET /|shop|run_b|NULL|NULL|NULL|unset|1764000000200000000|250000000|250|2|0|0|"
                          "0.012500000|12500000|1000|250000000"));
}

TEST_F(SqlViews, ARunHasItsFigures) {
  keep(two_traces());
  EXPECT_THAT(
      lines("SELECT run_id, trace_id, workflow_version, variant, status, duration_ms, blocked, cost_usd, tokens, "
            "input_tokens, output_tokens, cached_tokens, carbon_g FROM runs ORDER BY run_id"),
      ElementsAre("run_a|4a000000000000000000000000000001|2|fast|completed|100|1|0.003600000|460|400|60|NULL|"
                  "0.000000002",
                  "run_b|4a000000000000000000000000000002|3|NULL|unset|230|NULL|0.012500000|1000|NULL|NULL|NULL|"
                  "0.250000000"));
}

TEST_F(SqlViews, EventsLinksAndAttributesAreRows) {
  otlp::Span span = with(make_span(1, 1), {{"meshflow.role", {"planner"}},
                                           {"retry", {true}},
                                           {"share", {0.5}},
                                           {"tags", {otlp::ArrayValue{{{"a"}, {std::int64_t{2}}}}}},
                                           {"meshflow.tokens", {std::int64_t{7}}}});
  otlp::Event event;
  event.time_unix_nano = kStart + 5;
  event.name = "blocked";
  event.attributes = {{"reason", {"a \"card\""}}, {"n", {std::int64_t{1}}}, {"reason", {"last"}}};
  span.events.push_back(event);
  otlp::Link link;
  link.trace_id = store::test::trace_id(9);
  link.span_id = store::test::span_id(8);
  link.attributes = {{"meshflow.link", {"block"}}};
  span.links.push_back(link);
  keep(request_of({span, make_span(2, 2)}));
  EXPECT_THAT(lines("SELECT trace_id, span_name, service, time, time_ns, name, attributes, attributes->>'$.reason' "
                    "FROM events"),
              ElementsAre("4a000000000000000000000000000001|work|shop|2025-11-24 16:00:00.000000005|"
                          "1764000000000000005|blocked|{\"reason\":\"last\",\"n\":1}|last"));
  EXPECT_THAT(lines("SELECT span_id, linked_trace_id, linked_span_id, trace_state, attributes FROM links"),
              ElementsAre("0000000000000001|4a000000000000000000000000000009|0000000000000008|NULL|"
                          "{\"meshflow.link\":\"block\"}"));
  EXPECT_THAT(lines("SELECT key, type, value, number FROM attributes"),
              ElementsAre("meshflow.role|string|planner|NULL", "retry|bool|true|NULL", "share|double|0.5|0.5",
                          "tags|array|[\"a\",2]|NULL", "meshflow.tokens|int|7|7"));
  // Of some keys alone, which takes another way.
  EXPECT_THAT(lines("SELECT key, type, value, number FROM attributes WHERE key IN ('retry', 'meshflow.tokens', 'none') "
                    "ORDER BY key"),
              ElementsAre("meshflow.tokens|int|7|7", "retry|bool|true|NULL"));
  EXPECT_THAT(lines("SELECT value FROM attributes a WHERE a.key = 'meshflow.role'"), ElementsAre("planner"));
}

TEST_F(SqlViews, SpansAreSeenInMemoryAndInEveryPiece) {
  keep(two_traces());
  const std::string question = "SELECT count(*), sum(cost_nano_usd), count(DISTINCT trace_id) FROM spans";
  EXPECT_THAT(lines(question), ElementsAre("6|19700000|2"));
  ASSERT_TRUE(store_->flush());
  EXPECT_THAT(lines(question), ElementsAre("6|19700000|2"));
  keep(request_of({make_span(1, 77, "late"), make_span(3, 78)}));
  EXPECT_THAT(lines(question), ElementsAre("8|19700000|3"));
  // A trace whose spans lie in both is one.
  EXPECT_THAT(lines("SELECT spans FROM traces ORDER BY trace_id"), ElementsAre("5", "2", "1"));
  EXPECT_THAT(lines("SELECT spans FROM traces WHERE trace_id = '4a000000000000000000000000000001'"), ElementsAre("5"));
}

TEST_F(SqlViews, AnIdInAConditionFindsWhatItWouldFindWithoutTheIndex) {
  keep(two_traces());
  ASSERT_TRUE(store_->flush());
  keep(request_of({with(make_span(1, 77, "late"), {{"meshflow.run_id", {"run_a"}}})}));
  const std::string id = "4a000000000000000000000000000001";
  EXPECT_THAT(lines(fmt::format("SELECT count(*) FROM spans WHERE trace_id = '{}'", id)), ElementsAre("5"));
  EXPECT_THAT(lines(fmt::format("SELECT count(*) FROM spans WHERE '{}' = trace_id AND name LIKE 'late%'", id)),
              ElementsAre("1"));
  // The same without the short way.
  EXPECT_THAT(lines(fmt::format("SELECT count(*) FROM spans WHERE lower(trace_id) = '{}'", id)), ElementsAre("5"));
  EXPECT_THAT(lines("SELECT count(*) FROM spans WHERE run_id = 'run_a'"), ElementsAre("4"));
  EXPECT_THAT(lines("SELECT count(*) FROM spans WHERE run_id IN ('run_a', 'run_b', 'run_c')"), ElementsAre("5"));
  EXPECT_THAT(lines("SELECT spans FROM traces WHERE run_id = 'run_a'"), ElementsAre("5"));
  for (const char* none : {"4A000000000000000000000000000001", "4a", "", "4a0000000000000000000000000000ff", "xyz"}) {
    EXPECT_THAT(lines(fmt::format("SELECT name FROM spans WHERE trace_id = '{}'", none)), IsEmpty()) << none;
  }
  // Where one use of a view asks for an id and another does not, both are whole.
  EXPECT_THAT(lines(fmt::format("SELECT (SELECT count(*) FROM spans), count(*) FROM spans WHERE trace_id = '{}'", id)),
              ElementsAre("7|5"));
  EXPECT_THAT(lines(fmt::format("SELECT count(*) FROM spans WHERE trace_id = '{}' OR name = 'GET /'", id)),
              ElementsAre("6"));
  EXPECT_THAT(lines(fmt::format("SELECT count(*), count(b.name) FROM spans a LEFT JOIN spans b ON b.span_id = "
                                "a.parent_span_id WHERE a.trace_id = '{}'",
                                id)),
              ElementsAre("5|3"));
}

TEST_F(SqlViews, TheQuestionsOfCostAndLatencyAreALineEach) {
  keep(two_traces());
  EXPECT_THAT(lines("SELECT role, quantile_cont(duration_ms, 0.95) FROM spans WHERE name = 'meshflow.agent' "
                    "GROUP BY role ORDER BY role"),
              ElementsAre("critic|50", "planner|50"));
  EXPECT_THAT(lines("SELECT workflow_version, sum(tokens) FROM runs GROUP BY ALL ORDER BY 1"),
              ElementsAre("2|460", "3|1000"));
  EXPECT_THAT(lines("SELECT variant, sum(carbon_g) FROM runs GROUP BY ALL ORDER BY 1 NULLS LAST"),
              ElementsAre("fast|0.000000002", "NULL|0.250000000"));
  EXPECT_THAT(lines("SELECT run_id, cost_usd FROM runs WHERE cost_usd > 0.01"), ElementsAre("run_b|0.012500000"));
}

TEST_F(SqlViews, MoneyIsExact) {
  std::vector<otlp::Span> spans;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    spans.push_back(with(make_span(1, i + 1), {{"meshflow.cost_usd", {0.1}}}));
  }
  // Some senders write whole doubles as integers; no amount, and too large a one.
  spans.push_back(with(make_span(2, 5'000), {{"meshflow.cost_usd", {std::int64_t{2}}}}));
  spans.push_back(with(make_span(2, 5'001), {{"meshflow.cost_usd", {std::numeric_limits<double>::infinity()}}}));
  spans.push_back(with(make_span(2, 5'002), {{"meshflow.cost_usd", {1e300}}}));
  keep(request_of(std::move(spans)));
  EXPECT_THAT(lines("SELECT sum(cost_usd), sum(cost_nano_usd) FROM spans"), ElementsAre("102.000000000|102000000000"));
}

TEST_F(SqlViews, NoTimeIsTooLate) {
  otlp::Span span = make_span(1, 1);
  span.start_time_unix_nano = UINT64_MAX - 1;
  span.end_time_unix_nano = 5;
  keep(request_of({span, make_span(1, 2)}));
  EXPECT_THAT(lines("SELECT start_time, start_ns, end_time, duration_ns FROM spans ORDER BY start_ns DESC LIMIT 1"),
              ElementsAre("NULL|18446744073709551614|NULL|7"));
  EXPECT_THAT(lines("SELECT spans FROM traces"), ElementsAre("2"));
}

TEST_F(SqlViews, NowIsTheServersClock) {
  keep(two_traces());
  EXPECT_THAT(lines("SELECT now()"), ElementsAre("2025-11-24 17:00:00"));
  EXPECT_THAT(lines("SELECT count(*) FROM spans WHERE start_time >= now() - INTERVAL 1 HOUR"), ElementsAre("6"));
  EXPECT_THAT(lines("SELECT count(*) FROM spans WHERE start_time >= now() - INTERVAL '59 minutes'"), ElementsAre("0"));
  EXPECT_THAT(lines("SELECT time_bucket(INTERVAL '100 milliseconds', start_time) AS t, count(*) FROM spans GROUP BY t "
                    "ORDER BY t"),
              ElementsAre("2025-11-24 16:00:00|4", "2025-11-24 16:00:00.2|2"));
}

TEST_F(SqlViews, MostOfSelectIsThere) {
  keep(two_traces());
  EXPECT_THAT(lines("WITH agents AS (SELECT role, tokens FROM spans WHERE name = 'meshflow.agent') "
                    "SELECT role, tokens, sum(tokens) OVER (ORDER BY role) FROM agents ORDER BY role"),
              ElementsAre("critic|312|312", "planner|148|460"));
  EXPECT_THAT(lines("FROM spans SELECT name || ': ' || tokens WHERE verdict = 'blocked'"),
              ElementsAre("meshflow.agent: 312"));
  EXPECT_THAT(lines("WITH RECURSIVE up(span_id, parent, depth) AS (SELECT span_id, parent_span_id, 0 FROM spans WHERE "
                    "name = 'chat m' UNION ALL SELECT s.span_id, s.parent_span_id, depth + 1 FROM spans s JOIN up ON "
                    "s.span_id = up.parent) SELECT max(depth) FROM up"),
              ElementsAre("2"));
  EXPECT_THAT(lines("SELECT quantile_cont(duration_ms, [0.5, 0.95]) FROM spans WHERE name = 'meshflow.agent'"),
              ElementsAre("[50, 50]"));
  EXPECT_THAT(lines("SELECT list(role ORDER BY role), count(*) FILTER (is_error) FROM spans"),
              ElementsAre("[critic, planner, NULL, NULL, NULL, NULL]|1"));
  EXPECT_THAT(lines("SELECT name FROM spans WHERE name ILIKE 'CHAT _' AND name NOT LIKE '%z' AND regexp_matches(name, "
                    "'^chat') AND replace(name, 'chat', 'x') = 'x m'"),
              ElementsAre("chat m"));
  EXPECT_THAT(lines("SELECT i FROM range(3) t(i) EXCEPT SELECT 1 ORDER BY ALL"), ElementsAre("0", "2"));
  EXPECT_THAT(lines("SELECT CASE WHEN is_error THEN 'bad' ELSE 'good' END AS how, count(*) FROM spans GROUP BY how "
                    "HAVING count(*) > 1 QUALIFY row_number() OVER () = 1 LIMIT 5;"),
              ElementsAre("good|5"));
  EXPECT_THAT(lines("SELECT 1 AS a, 2 AS a -- a comment\n /* and one */"), ElementsAre("1|2"));
}

// ---- values and their text --------------------------------------------------------------------------------------

TEST_F(SqlViews, ValuesOfEveryTypeAreText) {
  EXPECT_THAT(lines("SELECT NULL, true, -5::TINYINT, 18446744073709551615::UBIGINT, "
                    "-170141183460469231731687303715884105727::HUGEINT, 0.1::FLOAT, 1e300, -0.05::DECIMAL(5,2), "
                    "DATE '2024-02-29', TIME '01:02:03.04', TIMESTAMP '1969-12-31 23:59:59.5', "
                    "INTERVAL '14 months 3 days 90 seconds'"),
              ElementsAre("NULL|true|-5|18446744073709551615|-170141183460469231731687303715884105727|0.1|1e+300|-0.05|"
                          "2024-02-29|01:02:03.04|1969-12-31 23:59:59.5|1 year 2 months 3 days 00:01:30"));
  const auto answer =
      ask("SELECT 9007199254740992, 9007199254740993, 0.25::DECIMAL(18,9), "
          "12345678901.123456789::DECIMAL(20,9), 'NaN'::DOUBLE, 1e300, NULL, 'a\"b', false");
  ASSERT_TRUE(answer) << answer.error().text();
  JsonWriter out;
  out.begin_object();
  write_json_members(out, answer->rows);
  out.end_object();
  EXPECT_THAT(out.take(), HasSubstr("\"rows\":[[9007199254740992,\"9007199254740993\",0.250000000,"
                                    "\"12345678901.123456789\",\"nan\",1e+300,null,\"a\\\"b\",false]],"
                                    "\"truncated\":false}"));
}

TEST_F(SqlViews, CsvTellsNullFromAnEmptyText) {
  const auto answer = ask("SELECT NULL AS a, '' AS \"b,c\", 'say \"x\"' AS d, 1 AS e");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(csv_text(answer->rows), "a,\"b,c\",d,e\n,\"\",\"say \"\"x\"\"\",1\n");
}

}  // namespace
}  // namespace meshflow::query::sql::test
