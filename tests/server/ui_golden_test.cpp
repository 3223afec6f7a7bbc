// Answers of the web UI's API over three traces made by hand. What matters in them is worked out here; the whole
// answers lie in tests/ui/golden/ for the tests of the UI, and must stay as they are (MESHFLOW_WRITE_GOLDEN=1 writes
// them).
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "server/ui_api_fixture.hpp"
#include "support/test_paths.hpp"

namespace meshflow::server::test {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

class UiGolden : public UiApiFixture {
 protected:
  void SetUp() override {
    UiApiFixture::SetUp();
    add_run();
    add_pause();
    add_shop();
  }

  // A span of a trace that starts and ends so many milliseconds after kStart.
  static otlp::Span span(std::uint64_t trace, std::uint64_t id, std::uint64_t parent, const std::string& name,
                         std::uint64_t start, std::uint64_t end) {
    otlp::Span made = make_span(trace, id, name);
    if (parent != 0) made.parent_span_id = store::test::span_id(parent);
    made.start_time_unix_nano = kStart + start * kMillisecond;
    made.end_time_unix_nano = kStart + end * kMillisecond;
    made.status.code = otlp::StatusCode::ok;
    return made;
  }
  static void add(otlp::Span& to, std::vector<otlp::KeyValue> attributes) {
    for (otlp::KeyValue& each : attributes) to.attributes.push_back(std::move(each));
  }

  // A run of two analysts side by side, a writer that is blocked, and the fallback that follows.
  void add_run() {
    otlp::Span run = span(1, 0x10, 0, "meshflow.run", 0, 400);
    add(run,
        {attribute("meshflow.run_id", "run_golden"), attribute("meshflow.status", "completed"),
         attribute("meshflow.workflow.name", "default_team"), attribute("meshflow.workflow.version", "3"),
         attribute("meshflow.cost_usd", 0.0123), attribute("meshflow.tokens", std::int64_t{700}),
         attribute("meshflow.tokens.input", std::int64_t{500}), attribute("meshflow.tokens.output", std::int64_t{200}),
         attribute("meshflow.tokens.cached", std::int64_t{100}), attribute("meshflow.carbon_g", 0.5)});
    std::vector<otlp::Span> spans{run};
    const auto agent = [&](std::uint64_t id, const std::string& node, const std::string& role, std::uint64_t start,
                           std::uint64_t end, double cost, const std::string& verdict) -> otlp::Span& {
      otlp::Span& made = spans.emplace_back(span(1, id, 0x10, "meshflow.agent", start, end));
      add(made, {attribute("meshflow.run_id", "run_golden"), attribute("meshflow.node_id", node),
                 attribute("meshflow.role", role), attribute("meshflow.agent_id", node + "-agent"),
                 attribute("meshflow.cost_usd", cost), attribute("meshflow.verdict", verdict)});
      return made;
    };
    agent(0x11, "analyst_a", "researcher", 10, 110, 0.004, "allowed");
    agent(0x12, "analyst_b", "researcher", 20, 120, 0.004, "allowed");
    otlp::Span& writer = agent(0x13, "writer", "executor", 130, 230, 0.004, "blocked");
    writer.status = {"uncertainty 0.72 is above 0.5", otlp::StatusCode::error};
    add(writer, {attribute("meshflow.rule_id", "uncertainty_max")});
    otlp::Span& fallback = agent(0x14, "fallback", "executor", 240, 390, 0.0003, "allowed");
    otlp::Link link;
    link.trace_id = run.trace_id;
    link.span_id = store::test::span_id(0x13);
    link.attributes = {attribute("meshflow.link", "block")};
    fallback.links = {link};
    otlp::Span call = span(1, 0x15, 0x11, "chat mock-1", 15, 100);
    call.kind = otlp::SpanKind::client;
    add(call, {attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "mock-1"),
               attribute("gen_ai.usage.input_tokens", std::int64_t{50}),
               attribute("gen_ai.usage.output_tokens", std::int64_t{20}), attribute("gen_ai.input.messages", "[]")});
    call.events = {{.time_unix_nano = kStart + 40 * kMillisecond, .name = "retry", .attributes = {}}};
    spans.push_back(call);
    otlp::Span gate = span(1, 0x16, 0x13, "meshflow.gate", 225, 229);
    gate.status.code = otlp::StatusCode::error;
    add(gate, {attribute("meshflow.gate.name", "uncertainty"), attribute("meshflow.gate_result", "blocked"),
               attribute("meshflow.gate.value", 0.72), attribute("meshflow.gate.threshold", 0.5)});
    spans.push_back(gate);
    keep(request_of(std::move(spans), "meshflow"));
  }
  // A run that waits for a person: its root has not arrived.
  void add_pause() {
    otlp::Span gate = span(2, 0x21, 0x20, "meshflow.gate", 1'000, 1'001);
    add(gate, {attribute("meshflow.run_id", "run_waiting"), attribute("meshflow.gate_result", "pending"),
               attribute("meshflow.node_id", "approve")});
    keep(request_of({gate}, "meshflow"));
  }
  // Of somebody else: a request with a query that failed.
  void add_shop() {
    otlp::Span server = span(3, 0x30, 0, "GET /cart", 2'000, 2'050);
    server.kind = otlp::SpanKind::server;
    otlp::Span query = span(3, 0x31, 0x30, "SELECT", 2'010, 2'020);
    query.kind = otlp::SpanKind::client;
    query.status = {"<b>no such table</b>", otlp::StatusCode::error};
    keep(request_of({server, query}, "shop"));
  }

  // The answer, which must be the file's.
  json::value golden(const std::string& name, const std::string& path) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 200) << response.body;
    return golden_of(name, response.body);
  }
  static json::value golden_of(const std::string& name, const std::string& body) {
    const std::string file = std::string(meshflow::test::kSourceFolder) + "/tests/ui/golden/" + name + ".json";
    if (std::getenv("MESHFLOW_WRITE_GOLDEN") != nullptr) std::ofstream(file) << body << "\n";
    std::stringstream expected;
    expected << std::ifstream(file).rdbuf();
    EXPECT_EQ(body + "\n", expected.str()) << file;
    return json::parse(body);
  }
};

TEST_F(UiGolden, Runs) {
  const json::value answer = golden("runs", "runs");
  EXPECT_EQ(text(answer.at("total")), "3");
  const json::array& runs = answer.at("runs").as_array();
  EXPECT_EQ(text(runs[0].at("root")), R"("GET /cart")");
  EXPECT_EQ(text(runs[0].at("errors")), "1");
  EXPECT_EQ(text(runs[1].at("status")), R"("paused")");
  EXPECT_EQ(text(runs[1].at("pending")), "1");
  EXPECT_EQ(text(runs[2].at("cost_nano_usd")), R"("12300000")");
  EXPECT_EQ(text(runs[2].at("blocked_rule")), R"("uncertainty_max")");
  EXPECT_EQ(text(runs[2].at("tokens")), R"({"total":700,"input":500,"output":200,"cached":100})");
}

TEST_F(UiGolden, OneRun) {
  const json::value answer = golden("runs_one", "runs?tags=run_id%3Drun_golden");
  EXPECT_EQ(text(answer.at("total")), "1");
  EXPECT_EQ(text(answer.at("query")), R"("{ .meshflow.run_id = \"run_golden\" }")");
}

TEST_F(UiGolden, Outline) {
  const json::value answer = golden("outline_run", "traces/4a000000000000000000000000000001/outline");
  const json::value& columns = answer.at("columns");
  // By start: run 0, analyst_a 10, its call 15, analyst_b 20, writer 130, its gate 225, fallback 240.
  EXPECT_EQ(text(columns.at("start")), "[0,10000000,15000000,20000000,130000000,225000000,240000000]");
  EXPECT_EQ(text(columns.at("parent")), "[-1,0,1,0,0,4,0]");
  EXPECT_EQ(text(columns.at("kind")), "[1,3,4,3,3,6,3]");
  EXPECT_EQ(text(columns.at("verdict")), "[0,1,0,1,2,0,1]");
  EXPECT_EQ(text(columns.at("status")), "[1,1,1,1,2,2,1]");
  EXPECT_EQ(text(columns.at("cost_nano_usd")), "[12300000,4000000,null,4000000,4000000,null,300000]");
  EXPECT_EQ(text(columns.at("tokens")), "[700,null,70,null,null,null,null]");
  EXPECT_EQ(text(columns.at("flags")), "[0,0,17,0,0,0,2]");
  EXPECT_EQ(text(answer.at("events")), "[[2,40000000]]");
  EXPECT_EQ(text(answer.at("links").at(0).at("from")), "6");
  EXPECT_EQ(text(answer.at("links").at(0).at("to")), "4");
}

TEST_F(UiGolden, OutlineThatIsNotWhole) {
  const json::value answer = golden("outline_paused", "traces/4a000000000000000000000000000002/outline");
  EXPECT_FALSE(answer.at("complete").as_bool());
  EXPECT_EQ(text(answer.at("columns").at("parent")), "[-2]");
  EXPECT_EQ(text(answer.at("columns").at("verdict")), "[3]");
  EXPECT_EQ(text(answer.at("missing")), R"([{"span_id":"0000000000000020","children":[0]}])");
}

TEST_F(UiGolden, OutlineOfAForeignTrace) {
  const json::value answer = golden("outline_foreign", "traces/4a000000000000000000000000000003/outline");
  EXPECT_EQ(text(answer.at("run").at("run_id")), "null");
  EXPECT_EQ(text(answer.at("columns").at("role")), "[-1,-1]");
  EXPECT_EQ(text(answer.at("columns").at("otel_kind")), "[2,3]");
}

TEST_F(UiGolden, OutlineSinceARevision) {
  const std::string path = "traces/4a000000000000000000000000000002/outline";
  const json::value before = ask(path);
  otlp::Span root = span(2, 0x20, 0, "meshflow.run", 900, 1'500);
  add(root, {attribute("meshflow.run_id", "run_waiting"), attribute("meshflow.status", "paused")});
  keep(request_of({root}, "meshflow"));
  const json::value answer = golden("outline_since", path + "?since=" + std::string(before.at("revision").as_string()));
  EXPECT_EQ(text(answer.at("reparented")), "[[0,1]]");
  EXPECT_EQ(answer.at("span_ids").as_string(), "0000000000000020");
  EXPECT_TRUE(answer.at("complete").as_bool());
}

TEST_F(UiGolden, Span) {
  const json::value answer = golden("span_blocked", "traces/4a000000000000000000000000000001/spans/0000000000000013");
  EXPECT_EQ(text(answer.at("status")), R"({"code":"error","message":"uncertainty 0.72 is above 0.5"})");
  EXPECT_EQ(text(answer.at("duration_ns")), "100000000");
}

TEST_F(UiGolden, Find) {
  const std::string path = "traces/4a000000000000000000000000000001/find?q=";
  EXPECT_EQ(text(golden("find_text", path + "analyst").at("indices")), "[1,3]");
  EXPECT_EQ(text(golden("find_traceql", path + "%7B+status+%3D+error+%7D").at("indices")), "[4,5]");
}

TEST_F(UiGolden, Resolve) {
  const json::value answer = golden("resolve", "resolve?id=4a000000");
  EXPECT_EQ(answer.at("matches").as_array().size(), 3U);
  EXPECT_EQ(text(golden("resolve_span", "resolve?id=0000000000000013").at("matches").at(0).at("kind")), R"("span")");
}

TEST_F(UiGolden, Check) {
  const json::value answer = golden("check_wrong", "check?q=%7B+statsu+%3D+error+%7D");
  EXPECT_FALSE(answer.at("ok").as_bool());
  EXPECT_EQ(text(answer.at("error").at("from")), "2");
  EXPECT_EQ(text(golden("check_right", "check?q=%7B+status+%3D+error+%7D")), R"({"ok":true})");
}

TEST_F(UiGolden, Differ) {
  const auto response = post("differ", R"({"selection":"{ status = error }","unit":"span"})");
  ASSERT_EQ(response.status, 200) << response.body;
  const json::value answer = golden_of("differ", response.body);
  // writer, its gate and the shop's query against seven others.
  EXPECT_EQ(text(answer.at("selection_n")), "3");
  EXPECT_EQ(text(answer.at("baseline_n")), "7");
}

TEST_F(UiGolden, Errors) {
  const auto missing = get("traces/4a0000000000000000000000000000ff/outline");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(text(golden_of("error_not_found", missing.body)),
            R"({"error":{"code":"not_found","message":"trace not found"}})");
  const auto wrong = get("runs?q=%7B+statsu+%3D+error+%7D");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(text(golden_of("error_query", wrong.body).at("error").at("column")), "3");
}

}  // namespace
}  // namespace meshflow::server::test
