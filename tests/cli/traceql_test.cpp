// meshflow traces search and traces metrics: the same with and without a server, in every form that a question may
// have.
#include "cli/server_fixture.hpp"

namespace meshflow::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";

class Traceql : public Served {
 protected:
  void import_run() const {
    write("run.jsonl",
          R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"meshflow"}}]},)"
          R"("scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000001",)"
          R"("name":"meshflow.run","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000100000000",)"
          R"("attributes":[{"key":"meshflow.run_id","value":{"stringValue":"run_aa11"}},)"
          R"({"key":"meshflow.cost_usd","value":{"doubleValue":0.0125}}]},)"
          R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000002",)"
          R"("parentSpanId":"0000000000000001","name":"meshflow.agent","startTimeUnixNano":"1700000000000000000",)"
          R"("endTimeUnixNano":"1700000000050000000","status":{"code":2},"attributes":[)"
          R"({"key":"meshflow.role","value":{"stringValue":"planner"}},)"
          R"({"key":"meshflow.verdict","value":{"stringValue":"blocked"}}]}]}]}]})"
          "\n");
    const auto done = meshflow({"traces", "import", "run.jsonl"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
};

TEST_F(Traceql, SearchesAnswerTheSameWithAndWithoutAServer) {
  import_run();
  for (const bool with_server : {false, true}) {
    if (with_server) serve();
    const auto shown = meshflow({"traces", "search", "{ span.meshflow.verdict = \"blocked\" }"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_THAT(shown.out, StartsWith("TRACE                             ROOT          STARTED              DURATION  "
                                      "FOUND  SPAN\n" +
                                      kTrace + "  meshflow.run  "));
    EXPECT_THAT(shown.out, HasSubstr("    100 ms      1  meshflow.agent 50 ms meshflow.verdict=blocked\n"));
    const auto json = meshflow({"traces", "search", "--json", "{ status = error }"});
    EXPECT_THAT(json.out, StartsWith(R"({"traces":[{"traceID":")" + kTrace +
                                     R"(","rootServiceName":"meshflow","rootTraceName":"meshflow.run",)"));
    const auto none = meshflow({"traces", "search", "{ name = \"nobody\" }"});
    EXPECT_EQ(none.exit_code, 0);
    EXPECT_EQ(none.out, "");
    EXPECT_THAT(none.err, HasSubstr("no trace has such spans"));
    // The run is from 2023.
    EXPECT_EQ(meshflow({"traces", "search", "--since", "1h", "{ }"}).out, "");
  }
  stop();
}

TEST_F(Traceql, TheLessonsFormsAreUnderstood) {
  import_run();
  for (const char* const question :
       {"meshflow.verdict = blocked", "verdict=blocked", "cost_usd > 0.01", "service: meshflow tag: verdict=blocked",
        "{ span.meshflow.run_cost_usd > 0.01 }", "{ .verdict = \"blocked\" }"}) {
    const auto found = meshflow({"traces", "search", question});
    EXPECT_EQ(found.exit_code, 0) << question << ": " << found.err;
    EXPECT_THAT(found.out, HasSubstr(kTrace)) << question;
  }
  const auto honeycomb =
      meshflow({"traces", "search", "--honeycomb", R"({"column": "span.cost_usd", "op": ">", "value": 0.01})"});
  EXPECT_THAT(honeycomb.out, HasSubstr(kTrace)) << honeycomb.err;
  // A lookback among tags counts, unless --since says otherwise.
  const std::string lesson = "service: meshflow tag: verdict=blocked lookback: 1h";
  EXPECT_EQ(meshflow({"traces", "search", lesson}).out, "");
  EXPECT_THAT(meshflow({"traces", "search", "--since", "5000d", lesson}).out, HasSubstr(kTrace));
}

TEST_F(Traceql, AQueryThatIsWrongIsMarked) {
  import_run();
  const auto wrong = meshflow({"traces", "search", "{ statsu = error }"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("{ statsu = error }\n  ^~~~~~\n"));
  EXPECT_THAT(wrong.err, HasSubstr("1:3: "));
  EXPECT_THAT(wrong.err, HasSubstr("did you mean status?"));
  const auto metric = meshflow({"traces", "search", "{ } | rate()"});
  EXPECT_EQ(metric.exit_code, 2);
  EXPECT_THAT(metric.err, HasSubstr("meshflow traces metrics"));
  const auto spans = meshflow({"traces", "metrics", "{ }"});
  EXPECT_EQ(spans.exit_code, 2);
  EXPECT_THAT(spans.err, HasSubstr("| rate()"));
  EXPECT_EQ(meshflow({"traces", "metrics", "--step", "0s", "{ } | rate()"}).exit_code, 2);
  EXPECT_EQ(meshflow({"traces", "metrics", "--since", "soon", "{ } | rate()"}).exit_code, 2);
  EXPECT_EQ(meshflow({"traces", "search", "--honeycomb", "{"}).exit_code, 2);
}

TEST_F(Traceql, MetricsAnswerTheSameWithAndWithoutAServer) {
  import_run();
  for (const bool with_server : {false, true}) {
    if (with_server) serve();
    const auto shown =
        meshflow({"traces", "metrics", "--since", "5000d",
                  "{ name = \"meshflow.agent\" } | quantile_over_time(duration, .95) by (.meshflow.role)"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_EQ(shown.out,
              ".meshflow.role  p     VALUE\n"
              "planner         0.95   0.05\n");
    const auto sum = meshflow({"traces", "metrics", "--since", "5000d",
                               "{ name = \"meshflow.run\" } | sum(span.meshflow.cost_usd)", "--json"});
    EXPECT_THAT(sum.out, HasSubstr(R"("value":0.0125})"));
    const auto range = meshflow({"traces", "metrics", "--since", "5000d", "--step", "100d", "{ } | count_over_time()"});
    EXPECT_EQ(range.exit_code, 0) << range.err;
    EXPECT_THAT(range.out, HasSubstr("METRIC           LEAST  MOST  LAST  OVER TIME\n"));
    EXPECT_THAT(range.out, HasSubstr("count_over_time      0     2     0  "));
    EXPECT_THAT(range.out, HasSubstr("█"));
    EXPECT_THAT(meshflow({"traces", "metrics", "{ } | rate() by (name)"}).err, HasSubstr("there are no such spans"));
  }
  stop();
}

}  // namespace
}  // namespace meshflow::test
