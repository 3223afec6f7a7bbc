// meshflow serve with rules: alerts from runs to a webhook, across a restart; files that cannot be used.
#include "base/clock.hpp"
#include "cli/server_fixture.hpp"
#include "support/http_server.hpp"
#include "support/test_paths.hpp"

namespace meshflow::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class Alerts : public Served {
 protected:
  static constexpr const char* kLesson =
      "alert: HighCostRunRate\n"
      "expr: count(meshflow_run_cost_usd > 0.01)[10m] > 3\n"
      "for: 0m\n"
      "labels:\n"
      "  severity: warning\n"
      "annotations:\n"
      "  summary: \"More than 3 runs exceeded $0.01 in the last 10 minutes\"\n";

  // So many runs that end now and cost $0.02 each.
  void post_runs(std::uint8_t count) {
    for (std::uint8_t i = 0; i < count; ++i) {
      otlp::TracesData traces = one_span(++last_run_, "meshflow.run");
      otlp::Span& span = traces.resource_spans[0].scope_spans[0].spans[0];
      span.end_time_unix_nano = static_cast<std::uint64_t>(system_clock().wall_nanos());
      span.start_time_unix_nano = span.end_time_unix_nano - 5'000'000;
      span.attributes = {{"meshflow.run_id", {"run_" + std::to_string(last_run_)}},
                         {"meshflow.workflow.name", {std::string("answer")}},
                         {"meshflow.cost_usd", {0.02}}};
      ASSERT_EQ(post_traces(traces)->status, 200);
    }
  }
  std::string alerts() { return get("jaeger", "/api/meshflow/alerts")->body; }

  std::uint8_t last_run_ = 0;
};

TEST_F(Alerts, TheLessonSRuleFiresWhenMoreThanThreeRunsWereExpensive) {
  HttpServer hook;
  write("lesson.yaml", kLesson);
  serve({"--rules", "lesson.yaml", "--alert-webhook", hook.url("/hook")});
  post_runs(3);
  ASSERT_TRUE(
      eventually([&] { return get("metrics", "/metrics")->body.find("run_id=\"run_3\"") != std::string::npos; }));
  EXPECT_THAT(alerts(),
              HasSubstr(R"("name":"HighCostRunRate","group":"HighCostRunRate",)"
                        R"("expr":"count(meshflow_run_cost_usd > 0.01)[10m] > 3","for_s":0,"state":"inactive",)"
                        R"("value":null,"since_ns":null,"traces":[])"));
  post_runs(1);
  ASSERT_TRUE(hook.wait_for_requests(1));
  EXPECT_THAT(
      hook.requests()[0].body,
      AllOf(HasSubstr(R"("status":"firing","labels":{"alertname":"HighCostRunRate","severity":"warning"},)"
                      R"("annotations":{"summary":"More than 3 runs exceeded $0.01 in the last 10 minutes"})")));
  const std::string state = alerts();
  EXPECT_THAT(state, HasSubstr(R"("state":"firing","value":4)"));
  for (const char* trace : {"01", "02", "03", "04"}) {
    EXPECT_THAT(state, HasSubstr("\"abcd" + std::string(26, '0') + trace + "\""));
  }
  EXPECT_THAT(get("metrics", "/metrics")->body, HasSubstr("\nmeshflow_alerts{state=\"firing\"} 1\n"));
  // It fires on after a restart, and those who were told are not told again.
  ASSERT_TRUE(
      eventually([&] { return get("metrics", "/metrics")->body.find("result=\"sent\"} 1") != std::string::npos; }));
  EXPECT_EQ(stop().exit_code, 0);
  serve({"--rules", "lesson.yaml", "--alert-webhook", hook.url("/hook")});
  EXPECT_TRUE(eventually([&] { return alerts().find("\"state\":\"firing\",\"value\":4") != std::string::npos; }));
  EXPECT_THAT(hook.requests(), SizeIs(1));
}

TEST_F(Alerts, AnAlertWhoseRunsAreGoneIsResolvedAndSaidSo) {
  HttpServer hook;
  write("soon.yaml",
        "groups:\n- name: a\n  interval: 1s\n  rules:\n  - alert: Recent\n"
        "    expr: count(meshflow_run_cost_usd)[2s] > 0\n");
  serve({"--rules", "soon.yaml", "--alert-webhook", hook.url()});
  post_runs(1);
  ASSERT_TRUE(hook.wait_for_requests(2));
  EXPECT_THAT(hook.requests()[0].body, HasSubstr("\"status\":\"firing\""));
  EXPECT_THAT(hook.requests()[1].body, HasSubstr("\"status\":\"resolved\""));
  EXPECT_THAT(alerts(), HasSubstr("\"state\":\"resolved\""));
}

TEST_F(Alerts, TheExamplesRulesAreUsable) {
  serve({"--rules", std::string(kSourceFolder) + "/examples/alerts/rules.yaml"});
  EXPECT_TRUE(eventually([&] {  // both groups
    return get("metrics", "/metrics")->body.find("\nmeshflow_alert_evaluations_total 2\n") != std::string::npos;
  }));
  EXPECT_THAT(alerts(), HasSubstr("\"name\":\"SlowRole\""));
  EXPECT_THAT(alerts(), Not(HasSubstr("\"error\":\"")));
}

TEST_F(Alerts, ARuleInTraceqlFiresPastItsThreshold) {
  HttpServer hook;
  write("dear.yaml",
        "groups:\n- name: g\n  interval: 1s\n  rules:\n  - alert: DearRuns\n"
        "    traceql: '{ name = \"meshflow.run\" && span.meshflow.cost_usd > 0.01 } | count_over_time() by "
        "(span.meshflow.workflow.name)'\n"
        "    range: 10m\n    threshold: '> 3'\n    labels: {severity: warning}\n"
        "    annotations: {summary: '{{ $value }} dear runs'}\n");
  serve({"--rules", "dear.yaml", "--alert-webhook", hook.url()});
  post_runs(3);
  // Below it the value is told all the same.
  ASSERT_TRUE(eventually([&] { return alerts().find(R"("state":"inactive","value":3)") != std::string::npos; }))
      << alerts();
  EXPECT_THAT(alerts(), HasSubstr(R"("error":null,"language":"traceql","threshold":"> 3","range_s":600)"));
  post_runs(1);
  ASSERT_TRUE(hook.wait_for_requests(1));
  EXPECT_THAT(hook.requests()[0].body,
              AllOf(HasSubstr(R"("status":"firing")"), HasSubstr(R"("span.meshflow.workflow.name":"answer")"),
                    HasSubstr(R"("summary":"4 dear runs")")));
  const std::string state = alerts();
  EXPECT_THAT(state, HasSubstr(R"("state":"firing","value":4)"));
  EXPECT_THAT(state, HasSubstr("\"abcd" + std::string(26, '0') + "01\"")) << "a run that counted";
}

TEST_F(Alerts, WhatWaitsForAPersonCanBeAskedAbout) {
  ASSERT_EQ(meshflow({"run", "asks.yaml"}).exit_code, 4);
  write("waits.yaml",
        "groups:\n- name: g\n  interval: 1s\n  rules:\n  - alert: Waits\n    expr: meshflow_hitl_pending > 0\n");
  serve({"--rules", "waits.yaml"});
  EXPECT_THAT(get("metrics", "/metrics")->body, HasSubstr("\nmeshflow_hitl_pending 1\n"));
  EXPECT_TRUE(eventually([&] { return alerts().find(R"("state":"firing","value":1)") != std::string::npos; }));
  ASSERT_EQ(meshflow({"reject", "last"}).exit_code, 3);
  EXPECT_TRUE(eventually([&] { return alerts().find(R"("state":"resolved")") != std::string::npos; })) << alerts();
  EXPECT_THAT(get("metrics", "/metrics")->body, HasSubstr("\nmeshflow_hitl_pending 0\n"));
}

TEST_F(Alerts, WithoutRulesThereIsAnEmptyList) {
  serve();
  EXPECT_EQ(alerts(), "{\"rules\":[]}");
}

TEST_F(Alerts, AFileThatCannotBeUsedIsRefusedWithItsPlace) {
  const std::string rule = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: ";
  const struct {
    std::string text;
    const char* says;
  } wrong[] = {
      {rule + "sum(meshflow_run_cost_usd", "rules.yaml:5:36: error: expected \",\", found the end\n"},
      {rule + "'count(x) > 1'", "rules.yaml:5:18: error: there is no metric x (metrics: "},
      {rule + "|\n      sum(meshflow_run_cost_usd)\n      > bool sum(\n", "rules.yaml:7:18: error: expected a metric"},
      {rule + "meshflow_run_cost_usd[5m]",
       "rules.yaml:5:11: error: a rule is over series, this is a range of samples\n"},
      {rule + "vector(1)\n    fore: 5m\n", "rules.yaml:6:5: error: "},
      {rule + "vector(1)\n    for: soon\n", "rules.yaml:6:10: error: for: no duration (30s, 5m, 1h30m)\n"},
      {rule + "vector(1)\n    annotations: {a: '{{ printf }}'}\n",
       "rules.yaml:6:22: error: {{ printf }} means nothing here ({{ $value }} and {{ $labels.NAME }} are filled in)\n"},
      {rule + "vector(1)\n  - alert: A\n    expr: vector(2)\n",
       "rules.yaml:6:5: error: group g has two rules of the name A\n"},
      {"groups:\n- name: g\n  rules:\n  - record: a\n    expr: b\n",
       "rules.yaml:4:13: error: recording rules are not supported (alert: NAME)\n"},
      {"rules: []\n", "rules.yaml:1:1: error: "},
      {"alert: A\ntraceql: '{ statsu = error } | rate()'\n", "rules.yaml:2:13: error: "},
      {"alert: A\ntraceql: '{ status = error }'\n",
       "rules.yaml:2:11: error: a rule needs a metrics query, this one finds traces"},
      {"alert: A\ntraceql: '{ } | rate()'\nexpr: vector(1)\n",
       "rules.yaml:3:7: error: rule A has both expr and traceql (one of them)\n"},
      {"alert: A\ntraceql: '{ } | rate()'\nthreshold: '> x'\n", "rules.yaml:3:15: error: "},
      {"alert: A\ntraceql: '{ } | rate()'\nthreshold: '> 3 > 4'\n",
       "rules.yaml:3:13: error: not one comparison with a number (> 3, >= 0.05, < 500ms)\n"},
      {"alert: A\ntraceql: '{ } | rate()'\nrange: 90d\n",
       "rules.yaml:3:8: error: range: less than a second, or more than 31 days (5m, 1h)\n"},
      {"alert: A\nexpr: vector(1)\nthreshold: '> 3'\n",
       "rules.yaml:3:12: error: threshold goes with traceql; a rule with expr has it in there"},
  };
  for (const auto& one : wrong) {
    write("rules.yaml", one.text);
    const auto done = meshflow({"serve", "--rules", "rules.yaml"});
    EXPECT_EQ(done.exit_code, 2) << one.text;
    EXPECT_TRUE(done.err.starts_with(one.says)) << done.err;
  }
  EXPECT_EQ(meshflow({"serve", "--alertmanager", "http://127.0.0.1:1"}).err,
            "error: --alertmanager: there are no rules whose alerts could be told (rules names a file with them)\n");
  write("rules.yaml", kLesson);
  EXPECT_EQ(meshflow({"serve", "--rules", "rules.yaml", "--alert-webhook", "here"}).err,
            "error: --alert-webhook: \"here\" is no URL (http://127.0.0.1:9093, say)\n");
}

}  // namespace
}  // namespace meshflow::test
