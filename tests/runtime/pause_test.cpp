// People in the loop: pauses, decisions, and runs that go on in another process (here: another Mesh on the same data).
#include <thread>

#include "run_harness.hpp"
#include "runtime/ledger.hpp"
#include "runtime/run_store.hpp"

namespace meshflow {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the harness of these tests

Task<Result<AgentReply>> echo(AgentContext& context) { co_return AgentReply{"seen: " + context.input()}; }

Workflow with_human() {
  Workflow workflow("approval");
  Node human = node_of("approval", {}, "stop");
  human.kind = NodeKind::human;
  human.prompt = "Publish this?";
  workflow.node(node_of("write", "writer"))
      .node(human)
      .node(node_of("publish", "writer"))
      .node(node_of("stop", "writer"));
  workflow.edge("write", "approval").edge("approval", "publish");
  return workflow;
}

// Meshes that share a data directory, one after the other, as processes would.
class Processes {
 public:
  std::unique_ptr<Mesh> start(Policy policy = {}, MeshOptions options = {}) {
    policy.data_dir = folder_.file("data");
    policy.telemetry_file = folder_.file("spans.jsonl");
    options.model = mock_model();
    auto mesh = std::make_unique<Mesh>(std::move(policy), std::move(options));
    mesh->add(agent_of("writer", echo));
    return mesh;
  }
  [[nodiscard]] Trace trace() const { return read_trace_file(folder_.file("spans.jsonl")); }
  [[nodiscard]] std::string database() const { return folder_.file("data/meshflow.db"); }

 private:
  ScratchFolder folder_;
};

TEST(Pause, ARunThatWaitsIsContinuedInAnotherProcessUnderTheSameTrace) {
  Processes processes;
  std::string run_id;
  std::string trace_id;
  PendingRequest asked;
  std::int64_t span_count = 0;
  {
    auto mesh = processes.start();
    const auto result = mesh->run_blocking("report", with(with_human()));
    ASSERT_TRUE(result) << result.error().text();
    ASSERT_EQ(result->status, RunStatus::paused);
    ASSERT_TRUE(result->pending);
    EXPECT_EQ(result->pending->node_id, "approval");
    EXPECT_EQ(result->pending->reason, "Publish this?");
    asked = *result->pending;
    run_id = result->run_id;
    trace_id = result->trace_id;
    span_count = result->span_count();
  }
  const Trace so_far = processes.trace();
  EXPECT_EQ(so_far.named("meshflow.run").size(), 0u) << "a paused trace has no root yet";
  EXPECT_EQ(static_cast<std::int64_t>(so_far.spans.size()), span_count);
  auto mesh = processes.start();
  const auto too_early = mesh->resume_blocking(run_id, with(with_human()));
  ASSERT_FALSE(too_early);
  EXPECT_EQ(too_early.error().code, ErrorCode::conflict);
  ASSERT_TRUE(mesh->decide(run_id, {true, "ada", "fine"}));
  const auto result = mesh->resume_blocking(run_id, with(with_human()));
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->status, RunStatus::completed);
  EXPECT_EQ(result->run_id, run_id);
  EXPECT_EQ(result->trace_id, trace_id);
  EXPECT_EQ(result->output, "seen: seen: report");
  ASSERT_TRUE(mesh->flush());
  const Trace trace = processes.trace();
  expect_whole(trace, *result);
  const ReadSpan* pending = trace.with("meshflow.gate", "meshflow.gate_result", "pending");
  ASSERT_NE(pending, nullptr);
  const ReadSpan* decided = trace.with("meshflow.gate", "meshflow.decision.by", "ada");
  ASSERT_NE(decided, nullptr);
  EXPECT_EQ(decided->text("meshflow.gate_result"), "passed");
  EXPECT_EQ(decided->text("meshflow.decision.digest"), asked.content_digest);
  EXPECT_EQ(asked.span_id, pending->id()) << "the request names the gate that waits";
  ASSERT_EQ(decided->links.size(), 1u);
  EXPECT_EQ(decided->links[0].span_id, pending->span_id);
  EXPECT_EQ(trace.with("meshflow.node", "meshflow.node_id", "approval")->id(), pending->parent());
}

TEST(Pause, ARejectionIsABlockAndFollowsItsEdge) {
  Processes processes;
  std::string run_id;
  {
    auto mesh = processes.start();
    run_id = mesh->run_blocking("report", with(with_human()))->run_id;
  }
  auto mesh = processes.start();
  ASSERT_TRUE(mesh->decide(run_id, {false, "ada", "too long"}));
  const auto result = mesh->resume_blocking(run_id, with(with_human()));
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->status, RunStatus::completed);
  ASSERT_EQ(result->blocked.size(), 1u);
  EXPECT_EQ(result->blocked[0].gate, "human");
  EXPECT_EQ(result->blocked[0].followed_by, "stop");
  ASSERT_TRUE(mesh->flush());
  expect_whole(processes.trace(), *result);
}

TEST(Pause, ADecisionIsTakenOnce) {
  Processes processes;
  auto mesh = processes.start();
  const std::string run_id = mesh->run_blocking("report", with(with_human()))->run_id;
  ASSERT_TRUE(mesh->decide(run_id, {true, "ada", {}}));
  const auto again = mesh->decide(run_id, {false, "bob", {}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  ASSERT_TRUE(mesh->resume_blocking(run_id, with(with_human())));
  const auto resumed_again = mesh->resume_blocking(run_id, with(with_human()));
  ASSERT_FALSE(resumed_again);
  EXPECT_EQ(resumed_again.error().code, ErrorCode::conflict);
}

TEST(Pause, ALiveRunGoesOnByItselfOnceAnotherProcessHasDecided) {
  Processes processes;
  auto mesh = processes.start();
  RunOptions options = with(with_human());
  options.wait_for_decision = true;
  std::atomic<bool> is_waiting{false};
  std::string run_id;
  options.listener = [&](const RunEvent& event) {
    if (event.kind != RunEvent::Kind::paused) return;
    run_id = event.run_id;
    is_waiting = true;
  };
  std::optional<Result<RunResult>> result;
  std::atomic<bool> is_done{false};
  mesh->run_async("report", std::move(options), [&](Result<RunResult> ended) {
    result.emplace(std::move(ended));
    is_done = true;
  });
  while (!is_waiting) std::this_thread::yield();
  auto other = processes.start();
  const auto decided = other->decide(run_id, {true, "ada", {}});
  ASSERT_TRUE(decided) << decided.error().text();
  while (!is_done) std::this_thread::yield();
  ASSERT_TRUE(*result);
  EXPECT_EQ((*result)->status, RunStatus::completed);
  ASSERT_TRUE(mesh->flush());
  expect_whole(processes.trace(), **result);
}

TEST(Pause, ARunOfALiveProcessIsNotTakenFromIt) {
  Processes processes;
  auto mesh = processes.start();
  const std::string run_id = mesh->run_blocking("report", with(with_human()))->run_id;
  auto database = runtime::Database::open(processes.database());
  ASSERT_TRUE(database);
  auto store = runtime::RunStore::open(*database);
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->claim(run_id, {1, runtime::this_process().started_ticks}));  // pid 1 is always alive
  ASSERT_TRUE(mesh->decide(run_id, {true, "ada", {}}));
  // Claims are told apart by process and its start: this one is not pid 1's, so it is dead and falls.
  EXPECT_TRUE(mesh->resume_blocking(run_id, with(with_human())));
}

TEST(Pause, AnApproverDecidesAtOnceAndBothGatesAreSeen) {
  MeshOptions options;
  options.approver = [](const PendingRequest&) { return Decision{true, "auto", {}}; };
  MeshUnderTest mesh({}, std::move(options));
  mesh->add(agent_of("writer", echo));
  const auto result = mesh->run_blocking("report", with(with_human()));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::completed);
  const Trace trace = mesh.trace();
  expect_whole(trace, *result);
  EXPECT_NE(trace.with("meshflow.gate", "meshflow.gate_result", "pending"), nullptr);
  EXPECT_NE(trace.with("meshflow.gate", "meshflow.decision.by", "auto"), nullptr);
}

TEST(Pause, AnUncertainAnswerWaitsForAPersonAndIsNotMadeAgain) {
  Processes processes;
  int calls = 0;
  const auto doubtful = [&calls](AgentContext&) -> Result<AgentReply> {
    ++calls;
    return AgentReply{"perhaps", 0.8};
  };
  Workflow workflow("doubt");
  workflow.node(node_of("only", "doubter"));
  std::string run_id;
  {
    auto mesh = processes.start({.human_in_loop = {.enabled = true}});
    mesh->add(function_agent("doubter", doubtful));
    const auto result = mesh->run_blocking("task", with(workflow));
    ASSERT_TRUE(result);
    ASSERT_EQ(result->status, RunStatus::paused);
    run_id = result->run_id;
  }
  auto mesh = processes.start();
  mesh->add(function_agent("doubter", doubtful));
  ASSERT_TRUE(mesh->decide(run_id, {true, "ada", {}}));
  const auto result = mesh->resume_blocking(run_id, with(workflow));
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->status, RunStatus::completed);
  EXPECT_EQ(result->output, "perhaps");
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(mesh->flush());
  expect_whole(processes.trace(), *result);
}

TEST(Pause, AnIrreversibleToolWaitsForAPersonBeforeItActs) {
  Processes processes;
  int calls = 0;
  Tool tool;
  tool.name = "wire_money";
  tool.risk = Risk::irreversible;
  tool.body = [&calls](AgentContext&) -> Result<std::string> {
    ++calls;
    return std::string("sent");
  };
  Workflow workflow("wire");
  Node node = node_of("pay");
  node.kind = NodeKind::tool;
  node.tools = {"wire_money"};
  workflow.node(node);
  auto mesh = processes.start({.mode = PolicyMode::regulated});
  mesh->add(tool);
  const auto paused = mesh->run_blocking("task", with(workflow));
  ASSERT_TRUE(paused);
  ASSERT_EQ(paused->status, RunStatus::paused);
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(mesh->decide(paused->run_id, {true, "ada", {}}));
  const auto result = mesh->resume_blocking(paused->run_id, with(workflow));
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->status, RunStatus::completed) << result->error.value_or(Error{}).text();
  EXPECT_EQ(calls, 1);
}

TEST(Pause, APauseInsideASubgraphIsContinuedThere) {
  Processes processes;
  auto inner = std::make_shared<const Workflow>(with_human());
  Workflow workflow("outer");
  Node nested = node_of("nested");
  nested.kind = NodeKind::subgraph;
  nested.subgraph = inner;
  workflow.node(nested).node(node_of("after", "writer"));
  workflow.edge("nested", "after");
  std::string run_id;
  {
    auto mesh = processes.start();
    const auto result = mesh->run_blocking("report", with(workflow));
    ASSERT_TRUE(result);
    ASSERT_EQ(result->status, RunStatus::paused);
    EXPECT_EQ(result->pending->node_id, "nested/approval");
    run_id = result->run_id;
  }
  auto mesh = processes.start();
  ASSERT_TRUE(mesh->decide(run_id, {true, "ada", {}}));
  const auto result = mesh->resume_blocking(run_id, with(workflow));
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(result->status, RunStatus::completed);
  ASSERT_TRUE(mesh->flush());
  expect_whole(processes.trace(), *result);
}

TEST(Pause, ARequestThatNobodyDecidesIsRejectedWhenItsTimeIsUp) {
  Processes processes;
  auto mesh = processes.start({.human_in_loop = {.timeout_s = 0.001}});
  const auto paused = mesh->run_blocking("report", with(with_human()));
  ASSERT_TRUE(paused);
  ASSERT_EQ(paused->status, RunStatus::paused);
  Result<RunResult> result = mesh->resume_blocking(paused->run_id, with(with_human()));
  while (!result && result.error().code == ErrorCode::conflict)
    result = mesh->resume_blocking(paused->run_id, with(with_human()));
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_EQ(result->blocked.size(), 1u);
  EXPECT_EQ(result->blocked[0].followed_by, "stop");
}

TEST(Pause, TheLedgerHoldsTheWholeStoryAndItsHeadIsOnTheRoot) {
  Processes processes;
  auto mesh = processes.start();
  const std::string run_id = mesh->run_blocking("report", with(with_human()))->run_id;
  ASSERT_TRUE(mesh->decide(run_id, {true, "ada", {}}));
  const auto result = mesh->resume_blocking(run_id, with(with_human()));
  ASSERT_TRUE(result);
  ASSERT_TRUE(mesh->flush());
  auto database = runtime::Database::open(processes.database());
  ASSERT_TRUE(database);
  auto ledger = runtime::Ledger::open(*database);
  ASSERT_TRUE(ledger);
  const auto entries = (*ledger)->entries(run_id);
  ASSERT_TRUE(entries);
  std::vector<std::string> kinds;
  for (const auto& entry : *entries) kinds.push_back(entry.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"run_started", "agent", "pause", "decision", "agent", "run_ended"}));
  const std::string head = processes.trace().root().text("meshflow.ledger.head");
  EXPECT_EQ(head, result->ledger_head);
  EXPECT_EQ(head, entries->back().entry_hash);
  const auto report = (*ledger)->verify(std::nullopt, {{run_id, head}});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->holds()) << report->message;
}

}  // namespace
}  // namespace meshflow
