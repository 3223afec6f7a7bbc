// meshflow run: what it prints, how it ends, and how it is stopped.
#include <chrono>
#include <csignal>

#include "cli/command_fixture.hpp"
#include "runtime/database.hpp"
#include "support/http_server.hpp"

namespace meshflow::test {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST_F(Command, ARunEndsWithWhatItWasAndCost) {
  const auto run = meshflow({"run", "two.yaml", "--task", "Compare two databases"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(value_of("run_id", run.out), MatchesRegex("run_[0-9a-f]{24}"));
  EXPECT_THAT(value_of("trace_id", run.out), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(value_of("run_status", run.out), "completed");
  EXPECT_THAT(value_of("cost_usd", run.out), MatchesRegex("0\\.[0-9]+"));
  EXPECT_EQ(value_of("blocked", run.out), "0");
  EXPECT_THAT(run.err, ContainsRegex("^run run_[0-9a-f]+, trace [0-9a-f]+\ndone     first .*\ndone     second .*\n$"));
  EXPECT_THAT(run.err + run.out, Not(HasSubstr("\x1b")));
  const auto spans = spooled_spans();
  EXPECT_EQ(std::to_string(spans.size()), value_of("spans", run.out));
}

TEST_F(Command, QuietLeavesOnlyTheResult) { EXPECT_THAT(meshflow({"run", "two.yaml", "-q"}).err, IsEmpty()); }

TEST_F(Command, JsonIsOneDocumentWithExactMoney) {
  const auto run = meshflow({"run", "two.yaml", "--json", "-q"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1);
  EXPECT_THAT(run.out, AllOf(StartsWith("{\"run_id\":\"run_"), ContainsRegex("\"cost_nano_usd\":[0-9]+,"),
                             HasSubstr("\"status\":\"completed\"")));
}

TEST_F(Command, ABlockAbortsAndExitsWithThree) {
  const auto run = meshflow({"run", "two.yaml", "--set", "step_cost_block_usd=0.000001"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(value_of("run_status", run.out), "aborted");
  EXPECT_EQ(value_of("blocked", run.out), "1");
  EXPECT_THAT(run.err, HasSubstr("blocked  first"));
}

TEST_F(Command, FlagsBeatTheEnvironmentWhichBeatsTheFile) {
  write("policy.yaml",
        "name: p\npolicy: {max_steps: 1}\nnodes:\n  a: {role: planner}\n  b: {role: planner}\nedges: [a -> b]\n");
  auto options = with({"run", "policy.yaml"});
  EXPECT_NE(Program(options).finish().exit_code, 0);
  options.environment["MESHFLOW_MAX_STEPS"] = "2";
  EXPECT_EQ(Program(options).finish().exit_code, 0);
  options.arguments = {"run", "policy.yaml", "--set", "max_steps=1"};
  EXPECT_NE(Program(options).finish().exit_code, 0);
}

TEST_F(Command, ADeadEndpointIsOneWarningAtTheEnd) {
  const auto run = meshflow({"run", "two.yaml", "-q", "--otlp", "http://127.0.0.1:1"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, ContainsRegex("^warning: telemetry: otlp_http dropped [0-9]+ of [0-9]+ spans[^\n]*\n$"));
  EXPECT_EQ(meshflow({"run", "two.yaml", "--otlp", "not a url"}).exit_code, 2);
}

TEST_F(Command, WithoutAModelProviderTheRunIsRefused) {
  auto options = with({"run", "two.yaml"});
  options.environment.erase("MESHFLOW_MOCK");
  const auto run = Program(options).finish();
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, AllOf(StartsWith("error: no model provider is configured"), HasSubstr("MESHFLOW_MOCK=1")));
}

TEST_F(Command, HostileTextCannotReachTheTerminal) {
  const std::string task =
      "\x1b[2J\x1b]0;title\x07 \xc2\x9b"
      "31m \xe2\x80\xae red";
  for (const bool json : {false, true}) {
    auto options = with({"run", "two.yaml", "--color", "never", "--task", task});
    if (json) options.arguments.emplace_back("--json");
    const auto run = Program(options).finish();
    EXPECT_EQ(run.exit_code, 0);
    for (const char* bytes : {"\x1b", "\x07", "\xc2\x9b", "\xe2\x80\xae"}) {
      EXPECT_THAT(run.out + run.err, Not(HasSubstr(bytes)));
    }
    EXPECT_THAT(run.out, HasSubstr(json ? "\\u001b[2J" : "\\x1b[2J"));
  }
}

// A run that would take long.
constexpr const char* kLong =
    "name: long\npolicy: {max_steps: 100000, budget_usd: 1000, budget_tokens: 1000000000}\n"
    "nodes:\n  a: {role: planner}\n  b: {role: critic}\nedges: [a -> b]\n"
    "loop: {from: b, to: a, until: 'output == \"never\"', max_iterations: 1000}\n";

TEST_F(Command, AnInterruptedRunEndsItsSpansAndExitsWithOne) {
  write("long.yaml", kLong);
  Program program(with({"run", "long.yaml"}));
  ASSERT_TRUE(program.wait_for("done     b"));
  program.signal(SIGINT);
  const auto run = program.finish();
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("stopping the run; Ctrl-C again ends it at once\n"));
  EXPECT_EQ(value_of("run_status", run.out), "failed");
  const auto spans = spooled_spans();
  EXPECT_EQ(std::to_string(spans.size()), value_of("spans", run.out));
  EXPECT_EQ(std::count_if(spans.begin(), spans.end(), [](const auto& span) { return span.name == "meshflow.run"; }), 1);
}

TEST_F(Command, ASecondInterruptEndsTheProgramAtOnce) {
  write("long.yaml", kLong);
  // Something to wait for after the first one: a collector that takes the spans and never answers.
  HttpServer collector;
  collector.reply_always({.ending = ScriptedReply::Ending::hang});
  Program program(
      with({"run", "long.yaml", "--otlp", collector.url(), "--set", "telemetry_shutdown_timeout_ms=60000"}));
  ASSERT_TRUE(program.wait_for("done     b"));
  program.signal(SIGINT);
  ASSERT_TRUE(program.wait_for("stopping the run; Ctrl-C again ends it at once"));
  ASSERT_TRUE(collector.wait_for_requests(1));
  const auto before = std::chrono::steady_clock::now();
  program.signal(SIGINT);
  const auto run = program.finish();
  EXPECT_EQ(run.exit_code, 128 + SIGINT);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

TEST_F(Command, AFullDiskFailsTheRunWhichSaysSoAndKeepsWhatItHas) {
  write("long.yaml", kLong);
  auto options = with({"run", "long.yaml"});
  options.file_bytes_max = 200u << 10;
  const auto run = Program(options).finish();
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(value_of("run_status", run.out), "failed");
  EXPECT_THAT(value_of("error", run.out), HasSubstr("cannot write " + database()));
  // Every span has ended and is there, and what the ledger holds still holds.
  const auto spans = spooled_spans();
  EXPECT_EQ(std::to_string(spans.size()), value_of("spans", run.out));
  EXPECT_EQ(std::count_if(spans.begin(), spans.end(), [](const auto& span) { return span.name == "meshflow.run"; }), 1);
  const auto verified = meshflow({"ledger", "verify"});
  EXPECT_EQ(verified.exit_code, 0);
  EXPECT_THAT(verified.out, HasSubstr("the ledger holds"));
}

TEST_F(Command, ProgressOnATerminalLeavesNoStrayLines) {
  for (const unsigned columns : {80u, 30u}) {
    auto options = with({"run", "two.yaml", "--color", "always"});
    options.terminal = true;
    options.columns = columns;
    const auto run = Program(options).finish();
    EXPECT_EQ(run.exit_code, 0);
    const auto lines = screen_after(run.out, columns);
    ASSERT_GT(lines.size(), 3u);
    EXPECT_THAT(lines, Each(Not(HasSubstr("<?>"))));
    EXPECT_THAT(lines, Each(Not(HasSubstr("running"))));
    std::vector<std::string> done;
    for (const auto& line : lines) {
      if (line.starts_with("done")) done.push_back(line);
    }
    ASSERT_THAT(done, SizeIs(2));
    EXPECT_THAT(done[0], StartsWith("done     first"));
    EXPECT_THAT(done[1], StartsWith("done     second"));
  }
}

TEST_F(Command, NoColorIsRespected) {
  auto options = with({"run", "none.yaml"});
  options.terminal = true;
  EXPECT_THAT(Program(options).finish().out, HasSubstr("\x1b[31m"));
  options.environment["NO_COLOR"] = "1";
  EXPECT_THAT(Program(options).finish().out, Not(HasSubstr("\x1b[")));
}

TEST_F(Command, ADataDirectoryThatCannotBeWrittenIsNamed) {
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all | std::filesystem::perms::others_read |
                                            std::filesystem::perms::others_exec | std::filesystem::perms::group_read |
                                            std::filesystem::perms::group_exec);
  auto options = with({"run", "two.yaml"});
  options.as_nobody = ::geteuid() == 0;
  if (!options.as_nobody)
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  const auto run = Program(options).finish();
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, AllOf(StartsWith("error: "), HasSubstr(data())));
}

TEST_F(Command, ALedgerThatAnotherProcessHoldsIsNamed) {
  ASSERT_EQ(meshflow({"run", "asks.yaml", "-q"}).exit_code, 4);
  const auto held = runtime::Database::open(database());
  ASSERT_TRUE(held);
  const auto lock = (*held)->begin();
  ASSERT_TRUE(lock);
  const auto approve = meshflow({"approve", "last"});
  EXPECT_EQ(approve.exit_code, 1);
  EXPECT_THAT(approve.err, AllOf(HasSubstr(database()), HasSubstr("another process holds its lock")));
  EXPECT_EQ(meshflow({"runs"}).exit_code, 0);  // reading goes on
}

}  // namespace
}  // namespace meshflow::test
