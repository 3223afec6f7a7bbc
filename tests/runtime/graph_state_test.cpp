#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/graph.hpp"

namespace meshflow::runtime {
namespace {

using Ended = NodeOutcome::Ended;
using Progress = GraphState::Progress;

// A workflow whose nodes are agents with these ids.
Workflow agents(std::initializer_list<const char*> ids) {
  Workflow out("test");
  for (const auto* id : ids) out.node({.id = id});
  return out;
}

std::shared_ptr<const CompiledGraph> compiled(const Workflow& workflow) {
  auto graph = compile(workflow);
  EXPECT_TRUE(graph.has_value()) << graph.error().text();
  return graph.value_or(nullptr);
}

// Drives a state by ids; sets of nodes are ids joined by blanks.
class Execution {
 public:
  explicit Execution(const Workflow& workflow) : state_(compiled(workflow), "the task") {}
  explicit Execution(GraphState state) : state_(std::move(state)) {}

  std::string start() { return names(state_.start()); }
  std::string end(std::string_view id, std::string output = "", Ended ended = Ended::ok) {
    return names(state_.node_ended(index(id), {.ended = ended, .output = std::move(output)}));
  }
  std::string block(std::string_view id, std::string output = "") { return end(id, std::move(output), Ended::blocked); }
  std::string skipped() const { return names(state_.skipped()); }
  std::string input(std::string_view id) const { return state_.input_of(index(id)); }
  int iteration(std::string_view id) const { return state_.iteration(index(id)); }
  std::string route(std::string_view id) const { return state_.route_of(index(id)); }
  NodeIndex index(std::string_view id) const { return state_.graph().find(id).value(); }
  std::string names(std::span<const NodeIndex> nodes) const {
    std::string out;
    for (const auto node : nodes) out += (out.empty() ? "" : " ") + state_.graph().nodes[node].node.id;
    return out;
  }
  GraphState& state() { return state_; }

 private:
  GraphState state_;
};

TEST(GraphState, NodesInARowRunOneAfterTheOther) {
  Execution run(agents({"a", "b"}).edge("a", "b"));
  EXPECT_EQ(run.start(), "a");
  EXPECT_EQ(run.input("a"), "the task");
  EXPECT_EQ(run.end("a", "from a"), "b");
  EXPECT_EQ(run.input("b"), "from a");
  EXPECT_EQ(run.state().progress(), Progress::running);
  EXPECT_EQ(run.end("b", "from b"), "");
  EXPECT_TRUE(run.state().finished());
  EXPECT_EQ(run.state().progress(), Progress::completed);
  EXPECT_EQ(run.state().output(), "from b");
}

TEST(GraphState, AJoinWaitsForAllItsPredecessorsAndGetsTheirOutputsInTheOrderOfTheEdges) {
  Execution run(agents({"a", "b", "c", "d"}).edge("a", "b").edge("a", "c").edge("c", "d").edge("b", "d"));
  run.start();
  EXPECT_EQ(run.end("a"), "b c");
  EXPECT_EQ(run.end("b", "from b"), "");
  EXPECT_EQ(run.end("c", "from c"), "d");
  EXPECT_EQ(run.input("d"), "## c\nfrom c\n\n## b\nfrom b\n");
}

TEST(GraphState, SeveralTerminalsGiveSectionsInTheOrderOfTheNodes) {
  Execution run(agents({"a", "b", "c"}).edge("a", "b").edge("a", "c"));
  run.start();
  run.end("a");
  run.end("c", "second");
  run.end("b", "first");
  EXPECT_EQ(run.state().output(), "## b\nfirst\n\n## c\nsecond\n");
}

TEST(GraphState, AnEdgeWhoseConditionFailsSkipsWhatOnlyItLeadsTo) {
  Execution run(agents({"a", "b", "c", "d"})
                    .edge("a", "b", "output contains 'yes'")
                    .edge("b", "c")
                    .edge("c", "d")
                    .edge("a", "d"));
  run.start();
  EXPECT_EQ(run.end("a", "no"), "d");  // d joins the dead path and the live one
  EXPECT_EQ(run.skipped(), "b c");
  EXPECT_EQ(run.input("d"), "no");
  run.end("d");
  EXPECT_EQ(run.state().progress(), Progress::completed);
}

TEST(GraphState, ConditionsSeeOutputsUncertaintyCostAndTokens) {
  Execution run(
      agents({"a", "b", "c"})
          .edge("a", "b")
          .edge("b", "c",
                "outputs.a.ok and uncertainty < 0.5 and cost_usd == 0.002 and tokens == 7 and task == 'the task'"));
  run.start();
  run.end("a", R"({"ok": true})");
  const auto ready =
      run.state().node_ended(run.index("b"), {.uncertainty = 0.2, .cost_nano_usd = 2'000'000, .tokens = 7});
  EXPECT_EQ(run.names(ready), "c");
}

TEST(GraphState, ABlockedNodeIsFollowedByItsFallbackOnly) {
  auto workflow = agents({"publish", "redact", "approve"}).edge("publish", "approve").edge("redact", "approve");
  workflow.node({.id = "draft", .on_block = "redact"}).edge("draft", "publish");
  Execution run(workflow);
  EXPECT_EQ(run.start(), "draft");
  EXPECT_EQ(run.block("draft", "[withheld]"), "redact");
  EXPECT_EQ(run.skipped(), "publish");
  EXPECT_EQ(run.input("redact"), "[withheld]");
  EXPECT_EQ(run.route("draft"), "redact");
  EXPECT_EQ(run.names(run.state().blocked_before(run.index("redact"))), "draft");
  EXPECT_EQ(run.end("redact", "clean"), "approve");
  EXPECT_EQ(run.input("approve"), "clean");
  EXPECT_TRUE(run.state().blocked_before(run.index("approve")).empty());
}

TEST(GraphState, AFallbackIsSkippedWhenNothingIsBlocked) {
  auto workflow = agents({"redact", "approve"}).edge("redact", "approve");
  workflow.node({.id = "draft", .on_block = "redact"}).edge("draft", "approve");
  Execution run(workflow);
  run.start();
  EXPECT_EQ(run.end("draft", "fine"), "approve");
  EXPECT_EQ(run.skipped(), "redact");
  EXPECT_EQ(run.input("approve"), "fine");
}

TEST(GraphState, ABlockThatNothingFollowsAbortsAndNothingElseBegins) {
  Execution run(agents({"a", "b", "c", "d"}).edge("a", "b").edge("a", "c").edge("c", "d"));
  run.start();
  run.end("a");
  EXPECT_EQ(run.block("b"), "");
  EXPECT_EQ(run.state().progress(), Progress::aborted);
  EXPECT_EQ(run.state().stopped_by(), run.index("b"));
  EXPECT_FALSE(run.state().finished());  // c still runs
  EXPECT_EQ(run.end("c"), "");
  EXPECT_TRUE(run.state().finished());
  EXPECT_EQ(run.state().progress(), Progress::aborted);
}

TEST(GraphState, AFailureEndsTheRunEvenWhereABlockWouldBeFollowed) {
  auto workflow = agents({"fallback"});
  workflow.node({.id = "a", .on_block = "fallback"});
  Execution run(workflow);
  run.start();
  EXPECT_EQ(run.end("a", "", Ended::failed), "");
  EXPECT_EQ(run.state().progress(), Progress::failed);
}

TEST(GraphState, AnEdgeThatAsksForTheVerdictIsLookedAtAfterABlock) {
  Execution run(agents({"a", "next", "report"}).edge("a", "next").edge("a", "report", "verdict == 'blocked'"));
  run.start();
  EXPECT_EQ(run.block("a"), "report");
  EXPECT_EQ(run.skipped(), "next");
  EXPECT_EQ(run.state().progress(), Progress::running);

  Execution other(agents({"a", "next", "report"}).edge("a", "next").edge("a", "report", "verdict == 'blocked'"));
  other.start();
  EXPECT_EQ(other.end("a"), "next");
}

TEST(GraphState, ConditionsNeverSeeABlockedOutput) {
  Execution run(agents({"a", "b"}).edge("a", "b", "verdict == 'blocked' and output contains 'secret'"));
  run.start();
  EXPECT_EQ(run.block("a", "secret"), "");
  EXPECT_EQ(run.state().progress(), Progress::aborted);
}

Workflow routed() {
  auto workflow = agents({"cheap", "dear", "other"});
  workflow.node({.id = "route", .kind = NodeKind::router});
  return std::move(workflow.edge("route", "other")
                       .edge("route", "cheap", "output contains 'cheap'")
                       .edge("route", "dear", "output contains 'p'"));
}

TEST(GraphState, ARouterTakesTheFirstConditionThatHoldsAndNoOther) {
  Execution run(routed());
  EXPECT_EQ(run.start(), "route");
  EXPECT_EQ(run.end("route", "cheap"), "cheap");
  EXPECT_EQ(run.skipped(), "other dear");
  EXPECT_EQ(run.route("route"), "cheap");
}

TEST(GraphState, ARouterWithoutAConditionThatHoldsTakesThePlainEdge) {
  Execution run(routed());
  run.start();
  EXPECT_EQ(run.end("route", "none"), "other");
  EXPECT_EQ(run.route("route"), "other");
}

TEST(GraphState, TheDefaultTeamRevisesUntilTheCriticIsContent) {
  Execution run(Workflow::default_team(3));
  EXPECT_EQ(run.start(), "planner");
  EXPECT_EQ(run.end("planner", "plan"), "researcher");
  EXPECT_EQ(run.end("researcher", "facts"), "executor");
  EXPECT_EQ(run.input("executor"), "facts");
  EXPECT_EQ(run.end("executor", "draft 1"), "critic");
  EXPECT_EQ(run.iteration("executor"), 1);
  EXPECT_EQ(run.end("critic", "REVISE: shorter"), "executor");
  EXPECT_EQ(run.iteration("executor"), 2);
  EXPECT_EQ(run.iteration("planner"), 1);
  EXPECT_EQ(
      run.input("executor"),
      "## researcher\nfacts\n\n## executor (previous pass)\ndraft 1\n\n## critic (previous pass)\nREVISE: shorter\n");
  EXPECT_EQ(run.end("executor", "draft 2"), "critic");
  EXPECT_EQ(run.input("critic"), "draft 2");
  EXPECT_EQ(run.end("critic", "good"), "");
  EXPECT_EQ(run.state().progress(), Progress::completed);
  EXPECT_EQ(run.state().output(), "draft 2");
}

TEST(GraphState, ALoopEndsAfterItsLastPass) {
  Execution run(Workflow::default_team(1));  // two passes
  run.start();
  run.end("planner");
  run.end("researcher");
  run.end("executor");
  EXPECT_EQ(run.end("critic", "REVISE"), "executor");
  run.end("executor");
  EXPECT_EQ(run.end("critic", "REVISE"), "");
  EXPECT_TRUE(run.state().finished());
}

TEST(GraphState, EdgesOutOfALoopWaitUntilItIsLeft) {
  auto workflow = agents({"a", "b", "c", "out", "after"});
  workflow.edge("a", "b")
      .edge("b", "c")
      .edge("b", "out")
      .edge("c", "after")
      .loop({.from = "c", .to = "a", .until = "output == 'done'", .max_iterations = 5});
  Execution run(workflow);
  run.start();
  run.end("a");
  EXPECT_EQ(run.end("b", "b1"), "c");
  EXPECT_EQ(run.end("c", "again"), "a");
  run.end("a");
  EXPECT_EQ(run.end("b", "b2"), "c");
  EXPECT_EQ(run.end("c", "done"), "out after");
  EXPECT_EQ(run.input("out"), "b2");
}

TEST(GraphState, ALoopWhoseLastNodeIsSkippedOrBlockedIsLeft) {
  auto workflow = agents({"a", "b", "out", "fallback"});
  workflow.node({.id = "c", .on_block = "fallback"});
  workflow.edge("a", "b", "output == 'go'")
      .edge("b", "c")
      .edge("a", "out")
      .loop({.from = "c", .to = "a", .max_iterations = 5});
  Execution skipped(workflow);
  skipped.start();
  EXPECT_EQ(skipped.end("a", "stop"), "out");
  EXPECT_EQ(skipped.skipped(), "b c fallback");

  Execution blocked(workflow);
  blocked.start();
  blocked.end("a", "go");
  blocked.end("b");
  EXPECT_EQ(blocked.block("c"), "out fallback");
}

TEST(GraphState, NodesSkippedInOnePassMayRunInTheNext) {
  auto workflow = agents({"a", "b", "c"});
  workflow.edge("a", "b", "iteration == 2")
      .edge("b", "c")
      .edge("a", "c")
      .loop({.from = "c", .to = "a", .until = "outputs.b == 'ran'", .max_iterations = 4});
  Execution run(workflow);
  run.start();
  EXPECT_EQ(run.end("a"), "c");
  EXPECT_EQ(run.skipped(), "b");
  EXPECT_EQ(run.end("c"), "a");
  EXPECT_EQ(run.end("a"), "b");
  EXPECT_EQ(run.end("b", "ran"), "c");
  EXPECT_EQ(run.end("c"), "");
  EXPECT_TRUE(run.state().finished());
}

TEST(GraphState, AnInnerLoopBeginsAnewWithEachPassOfTheOuterOne) {
  auto workflow = agents({"a", "b", "c"});
  workflow.edge("a", "b")
      .edge("b", "c")
      .loop({.from = "b", .to = "b", .max_iterations = 2})
      .loop({.from = "c", .to = "a", .max_iterations = 2});
  Execution run(workflow);
  EXPECT_EQ(run.start(), "a");
  for (int outer = 1; outer <= 2; ++outer) {
    EXPECT_EQ(run.end("a", "a" + std::to_string(outer)), "b");
    EXPECT_EQ(run.iteration("b"), 1);
    EXPECT_EQ(run.input("b"), "a" + std::to_string(outer));
    EXPECT_EQ(run.end("b", "b1"), "b");
    EXPECT_EQ(run.iteration("b"), 2);
    EXPECT_EQ(run.end("b", "b2"), "c");
    EXPECT_EQ(run.iteration("c"), outer);
    EXPECT_EQ(run.end("c"), outer == 1 ? "a" : "");
  }
  EXPECT_TRUE(run.state().finished());
}

TEST(GraphState, TwoLoopsThatEndTogetherAreRepeatedInnermostFirst) {
  auto workflow = agents({"a", "b", "c"});
  workflow.edge("a", "b")
      .edge("b", "c")
      .loop({.from = "c", .to = "a", .max_iterations = 2})
      .loop({.from = "c", .to = "b", .max_iterations = 2});
  Execution run(workflow);
  run.start();
  run.end("a");
  run.end("b");
  EXPECT_EQ(run.end("c"), "b");  // inner, second pass
  run.end("b");
  EXPECT_EQ(run.end("c"), "a");  // outer, second pass
  run.end("a");
  run.end("b");
  EXPECT_EQ(run.end("c"), "b");
  run.end("b");
  EXPECT_EQ(run.end("c"), "");
}

TEST(GraphState, OnlyTheNamedEntryBegins) {
  auto workflow = agents({"a", "b", "c"});
  workflow.edge("a", "b").edge("b", "c").entry("b");
  Execution run(workflow);
  EXPECT_EQ(run.start(), "b");
  EXPECT_EQ(run.skipped(), "a");
  EXPECT_EQ(run.input("b"), "the task");
  EXPECT_EQ(run.end("b", "x"), "c");
}

TEST(GraphState, AnotherProcessContinuesFromACheckpoint) {
  auto workflow = agents({"a", "b", "c", "d"});
  workflow.edge("a", "b").edge("b", "c").edge("a", "d").loop(
      {.from = "c", .to = "b", .until = "output == 'ok'", .max_iterations = 3});
  Execution run(workflow);
  run.start();
  run.end("a", "from \"a\"\n\xC3\xA9");
  run.end("b", "b1");
  run.end("c", "again");
  const auto text = run.state().serialize();

  auto restored = GraphState::deserialize(compiled(workflow), text);
  ASSERT_TRUE(restored.has_value()) << restored.error().text();
  Execution next(std::move(*restored));
  EXPECT_EQ(next.state().serialize(), text);
  EXPECT_EQ(next.names(next.state().waiting()), "b d");
  EXPECT_EQ(next.state().task(), "the task");
  EXPECT_EQ(next.input("b"), run.input("b"));
  EXPECT_EQ(next.iteration("b"), 2);
  EXPECT_EQ(next.end("b", "b2"), "c");
  EXPECT_EQ(next.end("d"), "");
  EXPECT_EQ(next.end("c", "ok"), "");
  EXPECT_EQ(next.state().progress(), Progress::completed);
}

TEST(GraphState, InvalidUtf8InAnOutputDoesNotSpoilTheCheckpoint) {
  const auto workflow = agents({"a", "b"}).edge("a", "b");
  Execution run(workflow);
  run.start();
  run.end("a", "x\xFFy");
  const auto restored = GraphState::deserialize(compiled(workflow), run.state().serialize());
  ASSERT_TRUE(restored.has_value()) << restored.error().text();
  EXPECT_EQ(restored->input_of(1), "x\xEF\xBF\xBDy");
}

TEST(GraphState, ACheckpointOfAnotherWorkflowIsRefused) {
  Execution run(agents({"a", "b"}).edge("a", "b"));
  run.start();
  const auto text = run.state().serialize();
  const auto other = GraphState::deserialize(compiled(agents({"a", "b"}).edge("a", "b", "output == 'x'")), text);
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().message.find("another workflow"), std::string::npos);
}

TEST(GraphState, DamagedCheckpointsAreRefused) {
  const auto workflow = agents({"a", "b"}).edge("a", "b");
  Execution run(workflow);
  run.start();
  const auto text = run.state().serialize();
  const auto replaced = [&](std::string_view what, std::string_view with) {
    auto out = text;
    const auto at = out.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return out.replace(at, what.size(), with);
  };
  for (const auto& damaged :
       {std::string(), text.substr(0, text.size() / 2), std::string("[]"), replaced("\"format\":1", "\"format\":2"),
        replaced("\"running\"", "\"resting\""), replaced("\"edges\":\"u\"", "\"edges\":\"z\""),
        replaced("\"edges\":\"u\"", "\"edges\":\"\""), replaced("\"edges\":\"u\"", "\"edges\":\"t\""),
        replaced("\"stopped_by\":null", "\"stopped_by\":2"), replaced("\"tokens\":0", "\"tokens\":\"0\"")}) {
    EXPECT_FALSE(GraphState::deserialize(compiled(workflow), damaged).has_value()) << damaged;
  }
}

}  // namespace
}  // namespace meshflow::runtime
