// What people see of traces: lists, waterfalls, files in and out.
#include "cli/server_fixture.hpp"
#include "otlp/json.hpp"

namespace meshflow::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A run of 100 ms whose agents a and b ran in parallel (0 to 50, 25 to 75 ms), and whose agent c was blocked.
constexpr const char* kRun =
    R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"meshflow"}}]},)"
    R"("scopeSpans":[{"spans":[)"
    R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000001","name":"meshflow.run",)"
    R"("startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000100000000","attributes":[)"
    R"({"key":"meshflow.run_id","value":{"stringValue":"run_aa11"}},)"
    R"({"key":"meshflow.workflow.name","value":{"stringValue":"demo"}},)"
    R"({"key":"meshflow.status","value":{"stringValue":"completed"}},)"
    R"({"key":"meshflow.cost_usd","value":{"doubleValue":0.0024}},)"
    R"({"key":"meshflow.tokens","value":{"intValue":"312"}}],"status":{"code":1}},)"
    R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000002",)"
    R"("parentSpanId":"0000000000000001","name":"meshflow.agent",)"
    R"("startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000050000000","attributes":[)"
    R"({"key":"meshflow.agent_id","value":{"stringValue":"a"}},)"
    R"({"key":"meshflow.cost_usd","value":{"doubleValue":0.0012}},)"
    R"({"key":"meshflow.tokens","value":{"intValue":"148"}}]},)"
    R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000003",)"
    R"("parentSpanId":"0000000000000001","name":"meshflow.agent",)"
    R"("startTimeUnixNano":"1700000000025000000","endTimeUnixNano":"1700000000075000000","attributes":[)"
    R"({"key":"meshflow.agent_id","value":{"stringValue":"b"}}]},)"
    R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000004",)"
    R"("parentSpanId":"0000000000000001","name":"meshflow.agent",)"
    R"("startTimeUnixNano":"1700000000075000000","endTimeUnixNano":"1700000000100000000","attributes":[)"
    R"({"key":"meshflow.agent_id","value":{"stringValue":"c"}},)"
    R"({"key":"meshflow.verdict","value":{"stringValue":"blocked"}},)"
    R"({"key":"meshflow.block_reason","value":{"stringValue":"a card number in the output"}},)"
    R"({"key":"meshflow.rule_id","value":{"stringValue":"pii.card"}}],"status":{"code":2}}]}]}]})"
    "\n";
constexpr const char* kId = "0af7651916cd43dd8448eb211c80319c";

class Traces : public Served {
 protected:
  // What a terminal of so many columns shows.
  [[nodiscard]] std::vector<std::string> screen(std::vector<std::string> arguments, unsigned columns) const {
    auto options = with(std::move(arguments));
    options.terminal = true;
    options.columns = columns;
    options.environment["TZ"] = "UTC";
    const auto done = Program(options).finish();
    EXPECT_EQ(done.exit_code, 0) << done.out;
    return screen_after(done.out, columns);
  }
  void import_run() const {
    write("run.jsonl", kRun);
    const auto done = meshflow({"traces", "import", "run.jsonl"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    ASSERT_EQ(done.out, "4 spans from 1 file\n");
  }
};

TEST_F(Traces, AWaterfallHasBarsToScaleAndTheReasonOfABlock) {
  import_run();
  // 80 columns: names 19, figures 2+8, 2+7, 2+6; that leaves a bar of 32, of which 25 ms are 8.
  EXPECT_THAT(screen({"traces", "show", "last"}, 80),
              ElementsAre("trace 0af7651916cd43dd8448eb211c80319c  run_aa11  2023-11-14 22:13:20",
                          "meshflow.run demo  completed  100 ms  $0.0024  312 tokens  4 spans  1 blocked",  //
                          "", "SPAN                                                   DURATION     COST  TOKENS",
                          "meshflow.run demo    ████████████████████████████████    100 ms  $0.0024     312",
                          "├─ meshflow.agent a  ████████████████                     50 ms  $0.0012     148",
                          "├─ meshflow.agent b          ████████████████             50 ms",
                          "└─ meshflow.agent c                          ████████     25 ms",
                          "   blocked: a card number in the output [pii.card]"));
}

TEST_F(Traces, ANarrowTerminalLosesFiguresAndBarsBeforeNames) {
  import_run();
  for (const unsigned columns : {20U, 30U, 45U, 60U}) {
    const auto lines = screen({"traces", "show", "last"}, columns);
    ASSERT_EQ(lines.size(), 9U) << columns;  // none wrapped
    EXPECT_THAT(lines[5], HasSubstr("├─ meshflow"));
  }
  EXPECT_THAT(screen({"traces", "show", "last"}, 20)[5], Not(HasSubstr("█")));
}

TEST_F(Traces, WhatWasBlockedIsRedWhereThereIsColour) {
  import_run();
  const auto shown = meshflow({"--color", "always", "traces", "show", "last"}).out;
  EXPECT_THAT(shown, HasSubstr("\x1b[31mmeshflow.agent c\x1b[0m"));
  EXPECT_THAT(shown, HasSubstr("\x1b[31mblocked: a card number in the output [pii.card]\x1b[0m"));
  EXPECT_THAT(shown, Not(HasSubstr("\x1b[31mmeshflow.agent a")));
  EXPECT_THAT(meshflow({"traces", "show", "last"}).out, Not(HasSubstr("\x1b")));
}

TEST_F(Traces, ATraceHasSeveralNames) {
  import_run();
  const auto whole = meshflow({"traces", "show", kId});
  EXPECT_EQ(whole.exit_code, 0);
  for (const char* name : {"0af7", "0AF76519", "run_aa11", "run_aa", "last"}) {
    EXPECT_EQ(meshflow({"traces", "show", name}).out, whole.out) << name;
  }
  const struct {
    const char* name;
    const char* says;
  } wrong[] = {
      {"0af8", "error: there is no trace 0af8 (meshflow traces lists the newest)\n"},
      {"run_b", "error: there is no trace run_b (meshflow traces lists the newest)\n"},
      {"newest", "error: newest names no trace (a trace id or its beginning, run_… or last)\n"},
  };
  for (const auto& one : wrong) {
    const auto done = meshflow({"traces", "show", one.name});
    EXPECT_EQ(done.exit_code, 2);
    EXPECT_EQ(done.err, one.says);
  }
}

TEST_F(Traces, ABeginningOfSeveralIdsNamesThem) {
  write("two.jsonl", otlp::encode_json(one_span(1)) + "\n" + otlp::encode_json(one_span(2)) + "\n");
  ASSERT_EQ(meshflow({"traces", "import", "two.jsonl"}).exit_code, 0);
  const auto done = meshflow({"traces", "show", "abcd"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.err, HasSubstr("abcd0000000000000000000000000001, abcd0000000000000000000000000002"));
}

TEST_F(Traces, WithSpansEveryAttributeIsShown) {
  import_run();
  const auto shown = meshflow({"traces", "show", "last", "--spans"}).out;
  EXPECT_THAT(shown, HasSubstr("[SPAN] meshflow.agent\n"));
  EXPECT_THAT(shown, HasSubstr("  rule_id     : pii.card\n"));
}

TEST_F(Traces, AListHasTheNewestFirst) {
  import_run();
  const auto list = meshflow({"traces"});
  EXPECT_THAT(list.out, HasSubstr("TRACE "));
  EXPECT_THAT(list.out, HasSubstr(kId));
  EXPECT_THAT(list.out, HasSubstr("meshflow.run demo  completed"));
  const auto narrow = screen({"traces"}, 80);
  ASSERT_EQ(narrow.size(), 2U);
  EXPECT_THAT(narrow[1], HasSubstr("0af7651916cd  meshflow.run demo"));
  const auto json = meshflow({"traces", "--json"});
  EXPECT_THAT(json.out, HasSubstr(R"("status":"completed")"));
  EXPECT_THAT(json.out, HasSubstr(R"("duration_ms":100,"spans":4,"error_spans":1,"blocked":1,"cost_usd":0.0024)"));
}

TEST_F(Traces, WithoutTracesThereIsNothingToList) {
  const auto list = meshflow({"traces"});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_THAT(list.out, IsEmpty());
  EXPECT_EQ(list.err, "there are no traces\n");
  EXPECT_EQ(meshflow({"traces", "show", "last"}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(Traces, TextOfSpansCannotMoveTheCursor) {
  const std::string evil = "w\x1b[2J\n漢字\xe2\x80\xae";
  write("evil.jsonl", otlp::encode_json(one_span(1, evil)) + "\n");
  ASSERT_EQ(meshflow({"traces", "import", "evil.jsonl"}).exit_code, 0);
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"traces"}, {"traces", "show", "last"}, {"traces", "show", "last", "--spans"}}) {
    const auto shown = meshflow(arguments).out;
    EXPECT_THAT(shown, Not(HasSubstr("\x1b")));
    EXPECT_THAT(shown, HasSubstr("w\\x1b[2J\\n漢字\\u202e"));
  }
  // And no line is wider than the terminal, wide characters counted as two.
  EXPECT_EQ(screen({"traces", "show", "last"}, 40).size(), 5U);
}

TEST_F(Traces, ExportAndImportLoseNothing) {
  import_run();
  const auto otlp = meshflow({"traces", "export"});
  ASSERT_EQ(otlp.exit_code, 0);
  write("out.jsonl", otlp.out);
  const std::string second = folder_ + "/second";
  ASSERT_EQ(meshflow({"--data", second, "traces", "import", "out.jsonl"}).exit_code, 0);
  EXPECT_EQ(meshflow({"--data", second, "traces", "export"}).out, otlp.out);

  const auto jaeger = meshflow({"traces", "export", "--format", "jaeger", "--trace", "0af7"});
  ASSERT_EQ(jaeger.exit_code, 0);
  write("out.json", jaeger.out);
  const std::string third = folder_ + "/third";
  EXPECT_EQ(meshflow({"--data", third, "traces", "import", "out.json"}).out, "4 spans from 1 file\n");
  EXPECT_EQ(meshflow({"--data", third, "traces", "export", "--format", "jaeger"}).out, jaeger.out);
}

TEST_F(Traces, AServerGivesTheSameAnswersAsTheStore) {
  import_run();
  const std::vector<std::vector<std::string>> questions{{"traces"},
                                                        {"traces", "--json"},
                                                        {"traces", "show", "last", "--spans"},
                                                        {"traces", "show", "0af7", "--json"},
                                                        {"traces", "show", "ffff"},
                                                        {"traces", "export"},
                                                        {"traces", "export", "--format", "jaeger"}};
  std::vector<Finished> without;
  for (const auto& question : questions) without.push_back(meshflow(question));
  serve();
  for (std::size_t at = 0; at < questions.size(); ++at) {
    const auto answer = meshflow(questions[at]);
    EXPECT_EQ(answer.out, without[at].out);
    EXPECT_EQ(answer.err, without[at].err);
    EXPECT_EQ(answer.exit_code, without[at].exit_code);
  }
  // What is taken in again is there once.
  EXPECT_EQ(meshflow({"traces", "import", "run.jsonl"}).exit_code, 0);
  EXPECT_EQ(meshflow({"traces"}).out, without[0].out);
}

TEST_F(Traces, AFileThatIsNoneSaysWhere) {
  write("bad.jsonl", std::string(kRun) + "{\"resourceSpans\":[{]}\n");
  const auto bad = meshflow({"traces", "import", "bad.jsonl"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("bad.jsonl:2:"));
  write("other.json", "{\"data\":[{\"spans\":3}]}");
  EXPECT_THAT(meshflow({"traces", "import", "other.json"}).err, HasSubstr("data[0].spans: not a list"));
  EXPECT_EQ(meshflow({"traces", "import", "none.json"}).err, "error: there is no file none.json\n");
}

TEST_F(Traces, TwoCommandsAtOnceWaitForOneAnother) {
  import_run();
  std::vector<std::unique_ptr<Program>> commands;
  for (int each = 0; each < 4; ++each) commands.push_back(std::make_unique<Program>(with({"traces", "--json"})));
  for (const auto& command : commands) {
    const auto done = command->finish();
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_THAT(done.out, HasSubstr(kId));
  }
}

TEST_F(Traces, WhoHasTheStoreForLongIsNamed) {
  import_run();
  // As a command that does not end would.
  const auto lock = system_files().open_append(data() + "/store/lock");
  ASSERT_TRUE(lock && (*lock)->try_lock().value_or(false));
  ASSERT_TRUE((*lock)->truncate(0) && (*lock)->append("4711\n"));
  const auto done = meshflow({"traces"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_THAT(done.err, HasSubstr("error: process 4711 has the store in " + data() + "/store"));
}

}  // namespace
}  // namespace meshflow::test
