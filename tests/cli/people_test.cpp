// Pauses and the people who decide them, from other processes than the one that began the run; and the ledger of it
// all.
#include <csignal>

#include "cli/command_fixture.hpp"
#include "runtime/database.hpp"

namespace meshflow::test {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::vector<otlp::Span> named(const std::vector<otlp::Span>& spans, const std::string& name) {
  std::vector<otlp::Span> found;
  for (const auto& span : spans) {
    if (span.name == name) found.push_back(span);
  }
  return found;
}

class People : public Command {
 protected:
  // The gate that ended undecided, the decision that links to it, and one root: whoever carried the run.
  void expect_one_trace_with_a_decision(const std::string& trace_id) {
    const auto spans = spooled_spans();
    EXPECT_THAT(named(spans, "meshflow.run"), SizeIs(1));
    const otlp::Span* pending = nullptr;
    const otlp::Span* decision = nullptr;
    for (const auto& span : spans) {
      EXPECT_EQ(hex(span.trace_id), trace_id);
      if (span.name != "meshflow.gate" || attribute(span, "meshflow.gate.name") != "human" ||
          attribute(span, "meshflow.node_id") != "approval") {
        continue;
      }
      (attribute(span, "meshflow.gate_result") == "pending" ? pending : decision) = &span;
    }
    ASSERT_NE(pending, nullptr);
    ASSERT_NE(decision, nullptr);
    ASSERT_THAT(decision->links, SizeIs(1));
    EXPECT_EQ(decision->links[0].span_id, pending->span_id);
  }
  template <std::size_t N>
  static std::string hex(const std::array<std::uint8_t, N>& bytes) {
    std::string out;
    for (const auto byte : bytes) {
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    return out;
  }
};

TEST_F(People, APausedRunNamesTheCommandsThatDecideIt) {
  const auto run = meshflow({"run", "asks.yaml"});
  EXPECT_EQ(run.exit_code, 4);
  const std::string id = value_of("run_id", run.out);
  EXPECT_EQ(value_of("run_status", run.out), "paused");
  EXPECT_EQ(value_of("to approve", run.out), "meshflow approve " + id);
  EXPECT_EQ(value_of("to reject", run.out), "meshflow reject " + id);
  EXPECT_THAT(meshflow({"pending"}).out, AllOf(HasSubstr(id), HasSubstr("approval"), HasSubstr("May it be sent?")));
  EXPECT_THAT(meshflow({"pending", "--json"}).out, StartsWith("{\"run_id\":\"" + id + "\""));
  EXPECT_THAT(meshflow({"runs"}).out, ContainsRegex(id + "  asks +paused"));
  const auto resume = meshflow({"resume", id});
  EXPECT_EQ(resume.exit_code, 4);
  EXPECT_THAT(resume.err, HasSubstr("still waits for a person"));
}

TEST_F(People, AnApprovedRunGoesOnUnderItsIds) {
  const auto run = meshflow({"run", "asks.yaml"});
  const std::string id = value_of("run_id", run.out);
  auto options = with({"approve", id.substr(0, 12), "--by", "Ada", "--note", "looks right"});
  options.folder = "/";  // the file is found from anywhere
  const auto approved = Program(options).finish();
  EXPECT_EQ(approved.exit_code, 0) << approved.err;
  EXPECT_THAT(approved.err, StartsWith("approved by Ada: " + id + "\n"));
  EXPECT_EQ(value_of("run_id", approved.out), id);
  EXPECT_EQ(value_of("trace_id", approved.out), value_of("trace_id", run.out));
  EXPECT_EQ(value_of("run_status", approved.out), "completed");
  expect_one_trace_with_a_decision(value_of("trace_id", run.out));
  const auto shown = meshflow({"ledger", "show", "last"});
  EXPECT_THAT(shown.out,
              AllOf(ContainsRegex("decision +approval +approved"), HasSubstr("Ada"), HasSubstr("looks right")));
  EXPECT_THAT(meshflow({"pending"}).out, IsEmpty());
  const auto again = meshflow({"approve", id});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("was decided already"));
}

TEST_F(People, ARejectedRunIsAborted) {
  ASSERT_EQ(meshflow({"run", "asks.yaml", "-q"}).exit_code, 4);
  const auto rejected = meshflow({"reject", "last", "--by", "Ada"});
  EXPECT_EQ(rejected.exit_code, 3);
  EXPECT_EQ(value_of("run_status", rejected.out), "aborted");
}

TEST_F(People, AProcessKilledWhileItWaitsLosesNothing) {
  Program waiting(with({"run", "asks.yaml", "--wait"}));
  ASSERT_TRUE(waiting.wait_for("meshflow approve run_"));
  waiting.signal(SIGKILL);
  const auto killed = waiting.finish();
  EXPECT_EQ(killed.exit_code, 128 + SIGKILL);
  const auto approved = meshflow({"approve", "last"});
  EXPECT_EQ(approved.exit_code, 0) << approved.err;
  const std::string id = value_of("run_id", approved.out);
  const std::string trace_id = value_of("trace_id", approved.out);
  EXPECT_THAT(killed.err, StartsWith("run " + id + ", trace " + trace_id + "\n"));
  expect_one_trace_with_a_decision(trace_id);
  EXPECT_EQ(std::to_string(spooled_spans().size()), value_of("spans", approved.out));
  const auto verified = meshflow({"ledger", "verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("heads known: 1"));
}

TEST_F(People, AProcessThatWaitsGoesOnByItself) {
  Program waiting(with({"run", "asks.yaml", "--wait"}));
  ASSERT_TRUE(waiting.wait_for("meshflow approve run_"));
  const auto approved = meshflow({"approve", "last"});
  EXPECT_EQ(approved.exit_code, 0) << approved.err;
  EXPECT_THAT(approved.out,
              HasSubstr("process " + std::to_string(waiting.pid()) + " carries the run and goes on with it\n"));
  const auto run = waiting.finish();
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(value_of("run_status", run.out), "completed");
  expect_one_trace_with_a_decision(value_of("trace_id", run.out));
}

TEST_F(People, UnknownAndAmbiguousRunsAreRefused) {
  EXPECT_EQ(meshflow({"approve", "last"}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(data()));
  EXPECT_EQ(meshflow({"runs"}).err, "there are no runs\n");
  ASSERT_EQ(meshflow({"run", "asks.yaml", "-q"}).exit_code, 4);
  ASSERT_EQ(meshflow({"run", "asks.yaml", "-q"}).exit_code, 4);
  const auto ambiguous = meshflow({"approve", "run_"});
  EXPECT_EQ(ambiguous.exit_code, 2);
  EXPECT_THAT(ambiguous.err, HasSubstr("is the beginning of several runs"));
  EXPECT_THAT(meshflow({"approve", "run_zz"}).err, StartsWith("error: there is no run run_zz"));
}

class LedgerOfRuns : public Command {
 protected:
  void SetUp() override {
    ASSERT_EQ(meshflow({"run", "two.yaml", "-q", "--set", "telemetry_file=" + folder_ + "/trace.jsonl"}).exit_code, 0);
    const auto verified = meshflow({"ledger", "verify"});
    EXPECT_EQ(verified.exit_code, 0);
    EXPECT_EQ(verified.out, "the ledger holds (entries: 4, runs: 1, heads known: 1)\n");
  }
  void execute(const char* sql) const {
    const auto opened = runtime::Database::open(database());
    ASSERT_TRUE(opened);
    const auto done = (*opened)->execute(sql);
    ASSERT_TRUE(done) << done.error().text();
  }
};

TEST_F(LedgerOfRuns, AnEditedEntryIsNamed) {
  execute("UPDATE ledger SET cost_nano_usd = 1 WHERE seq = 2");
  const auto verified = meshflow({"ledger", "verify"});
  EXPECT_EQ(verified.exit_code, 1);
  EXPECT_THAT(verified.out, StartsWith("the ledger does not hold: entry 2 was edited"));
  EXPECT_THAT(meshflow({"ledger", "verify", "--json"}).out,
              StartsWith("{\"holds\":false,\"fault\":\"edited\",\"seq\":2,"));
}

TEST_F(LedgerOfRuns, ACutOffEndIsNoticedByTheSpansAlone) {
  execute("DELETE FROM ledger WHERE seq = 4");
  EXPECT_EQ(meshflow({"ledger", "verify"}).exit_code, 1);
  std::filesystem::remove_all(data() + "/spool");
  const auto unknowing = meshflow({"ledger", "verify"});
  EXPECT_EQ(unknowing.exit_code, 0);
  EXPECT_THAT(unknowing.out, HasSubstr("heads known: 0"));
  const auto against_file = meshflow({"ledger", "verify", "last", "--trace", "trace.jsonl"});
  EXPECT_EQ(against_file.exit_code, 1);
  EXPECT_THAT(against_file.out, HasSubstr("the end of the ledger was cut off or replaced"));
}

TEST_F(LedgerOfRuns, ATraceFileThatIsNoneIsAnErrorWithItsLine) {
  write("bad.jsonl", "{}\n{\"resourceSpans\": 3}\n");
  const auto verified = meshflow({"ledger", "verify", "--trace", "bad.jsonl"});
  EXPECT_EQ(verified.exit_code, 2);
  EXPECT_THAT(verified.err, StartsWith("bad.jsonl:2"));
}

}  // namespace
}  // namespace meshflow::test
