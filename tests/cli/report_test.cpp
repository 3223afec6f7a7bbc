// meshflow report as people and scripts see it: with and without a server, on wide and narrow terminals.
#include "base/clock.hpp"
#include "cli/server_fixture.hpp"
#include "otlp/json.hpp"

namespace meshflow::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class ReportCommand : public Served {
 protected:
  static otlp::KeyValue attribute(std::string key, otlp::AnyValue::Variant value) {
    return {std::move(key), {std::move(value)}};
  }
  // A run ten minutes ago of $0.02 and 300 tokens, whose critic took 40 ms and whose executor was blocked after 80 ms.
  static otlp::TracesData run() {
    otlp::TracesData traces = one_span(1, "meshflow.run");
    auto& spans = traces.resource_spans[0].scope_spans[0].spans;
    const std::uint64_t start = static_cast<std::uint64_t>(system_clock().wall_nanos()) - 600'000'000'000;
    spans[0].start_time_unix_nano = start;
    spans[0].end_time_unix_nano = start + 200'000'000;
    spans[0].attributes = {attribute("meshflow.run_id", std::string("run_aa11")),
                           attribute("meshflow.workflow.name", std::string("demo")),
                           attribute("meshflow.workflow.version", std::string("3")),
                           attribute("meshflow.variant", std::string("small\x1b[2J")),
                           attribute("meshflow.cost_usd", 0.02),
                           attribute("meshflow.tokens", std::int64_t{300}),
                           attribute("meshflow.tokens.input", std::int64_t{200}),
                           attribute("meshflow.tokens.output", std::int64_t{100}),
                           attribute("meshflow.carbon_g", 0.004)};
    for (const char* role : {"critic", "executor"}) {
      otlp::Span span = spans[0];
      span.span_id[7] = static_cast<std::uint8_t>(spans.size() + 1);
      span.name = "meshflow.agent";
      span.end_time_unix_nano = start + 40'000'000 * spans.size();
      span.attributes = {attribute("meshflow.role", std::string(role))};
      spans.push_back(std::move(span));
    }
    spans[2].attributes.push_back(attribute("meshflow.verdict", std::string("blocked")));
    spans[2].attributes.push_back(attribute("meshflow.rule_id", std::string("pii.card")));
    return traces;
  }
  void import_run() const {
    write("run.jsonl", otlp::encode_json(run()) + "\n");
    ASSERT_EQ(meshflow({"traces", "import", "run.jsonl"}).exit_code, 0);
  }
  [[nodiscard]] std::vector<std::string> screen(std::vector<std::string> arguments, unsigned columns) const {
    auto options = with(std::move(arguments));
    options.terminal = true;
    options.columns = columns;
    const auto done = Program(options).finish();
    EXPECT_EQ(done.exit_code, 0) << done.out;
    return screen_after(done.out, columns);
  }
  // Without what depends on the moment of asking: the period, and where its slices begin.
  static std::string without_period(std::string json) {
    for (const std::string key : {"\"from_unix_nanos\":", "\"to_unix_nanos\":", "\"start_unix_nanos\":"}) {
      for (auto at = json.find(key); at != std::string::npos; at = json.find(key, at + key.size())) {
        json.erase(at + key.size(), json.find_first_of(",}", at) - at - key.size());
      }
    }
    return json;
  }
};

TEST_F(ReportCommand, AnswersTheFourQuestionsAndNamesBlocksAndExpensiveRuns) {
  import_run();
  EXPECT_THAT(
      screen({"report"}, 100),
      AllOf(Contains("p95 latency per agent role"),
            Contains(MatchesRegex("executor +80 ms +new +80 ms +80 ms +80 ms +1 +-  (█)+")),
            Contains(MatchesRegex("critic +40 ms .*")), Contains("Cost per run"),
            Contains(MatchesRegex("now +\\$0.02 +new +\\$0.02 +\\$0.02 +\\$0.02 +\\$0.02 +1  (█)+")),
            Contains("Runs over $0.01: 1 of 1"), Contains(MatchesRegex("run_aa11 +\\$0.02 +demo +.*")),
            Contains("Tokens by workflow version"), Contains(MatchesRegex("demo 3 +300 +new +200 +100 +0 +1 +-  (█)+")),
            Contains("Carbon per pipeline variant"),
            Contains(MatchesRegex("small.x1b.2J +0.004 g +new +0.004 g +0.004 g +1 +-  (█)+")),
            Contains("Blocked spans by rule"), Contains(MatchesRegex("pii.card +1 +new +1 +0 +executor  (█)+"))));
}

TEST_F(ReportCommand, AServerAnswersTheSame) {
  import_run();
  const std::vector<std::vector<std::string>> questions{{"report", "--json"},
                                                        {"report", "--json", "--since", "2h", "--over", "0.03"},
                                                        {"report", "--json", "--by", "workflow"},
                                                        {"report", "--json", "--by", "role", "--since", "8m"}};
  std::vector<std::string> alone;
  for (const auto& question : questions) alone.push_back(without_period(meshflow(question).out));
  EXPECT_THAT(alone[0], HasSubstr(R"("cost":{"runs":1,"total_nano_usd":20000000,)"));
  EXPECT_THAT(alone[1], HasSubstr(R"("over_limit":0)"));
  EXPECT_THAT(alone[2], HasSubstr(R"("groups":[{"group":"demo 3","now":{"count":1,"p50_ns":200000000,)"));
  EXPECT_THAT(alone[3], HasSubstr(R"("group":"critic","now":{"count":0,)"));
  serve();
  for (std::size_t i = 0; i < questions.size(); ++i) {
    EXPECT_EQ(without_period(meshflow(questions[i]).out), alone[i]);
  }
}

TEST_F(ReportCommand, FitsTheTerminal) {
  import_run();
  for (const unsigned columns : {20U, 40U, 60U, 80U, 200U}) {
    const auto lines = screen({"report"}, columns);
    EXPECT_EQ(lines.size(), screen({"report"}, 300).size()) << columns;  // none wrapped
    EXPECT_THAT(lines, Contains(HasSubstr("executor")));
  }
  EXPECT_THAT(screen({"report"}, 20), Not(Contains(HasSubstr("█"))));
}

TEST_F(ReportCommand, WithoutTracesItSaysThatThereIsNothing) {
  const auto done = meshflow({"report"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("no agents ran\n"));
}

TEST_F(ReportCommand, WrongFlagsSayWhatWouldBeRight) {
  const struct {
    std::vector<std::string> flags;
    const char* says;
  } wrong[] = {
      {{"--by", "day"}, "error: --by: there is no group \"day\" (workflow, variant, role or model)\n"},
      {{"--since", "0h"}, "error: --since: no time at all (24h, say)\n"},
      {{"--over", "cheap"}, "error: --over: \"cheap\" is no amount of dollars (0.01, say)\n"},
  };
  for (const auto& one : wrong) {
    std::vector<std::string> arguments{"report"};
    arguments.insert(arguments.end(), one.flags.begin(), one.flags.end());
    const auto done = meshflow(arguments);
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_EQ(done.err, one.says);
  }
}

}  // namespace
}  // namespace meshflow::test
