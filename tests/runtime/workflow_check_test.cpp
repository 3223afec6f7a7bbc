#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/graph.hpp"

namespace meshflow::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

Workflow agents(std::initializer_list<const char*> ids) {
  Workflow out("test");
  for (const auto* id : ids) out.node({.id = id});
  return out;
}

std::vector<std::string> problems_of(const Workflow& workflow) {
  std::vector<std::string> out;
  for (const auto& problem : workflow.check()) out.push_back(problem.text());
  return out;
}

TEST(WorkflowCheck, AGoodWorkflowHasNoProblems) {
  EXPECT_THAT(problems_of(agents({"a", "b"}).edge("a", "b")), IsEmpty());
  EXPECT_THAT(problems_of(Workflow::default_team(3)), IsEmpty());
  EXPECT_THAT(problems_of(Workflow::default_team(0)), IsEmpty());
}

TEST(WorkflowCheck, AnEmptyWorkflowIsAnError) {
  EXPECT_THAT(problems_of(Workflow("nothing")), ElementsAre("error: the workflow \"nothing\" has no nodes"));
}

TEST(WorkflowCheck, DuplicateAndUnusableIdsAreErrors) {
  EXPECT_THAT(problems_of(agents({"a", "a"})), ElementsAre("error: there is a node \"a\" already"));
  for (const auto* id : {"", "a b", "a.b", "1a", "-a", "\xC3\xA9"}) {
    EXPECT_THAT(problems_of(agents({id})), ElementsAre(HasSubstr("can't be a node's id"))) << id;
  }
}

TEST(WorkflowCheck, UnknownNodesAreErrorsWithTheNearestName) {
  auto workflow = agents({"planner", "critic"});
  workflow.edge("planner", "critc")
      .loop({.from = "citric", .to = "planner", .max_iterations = 2})
      .entry("planer")
      .terminal("x");
  workflow.node({.id = "writer", .on_block = "critics"});
  const auto problems = problems_of(workflow);
  EXPECT_THAT(problems,
              testing::UnorderedElementsAre(
                  "error: the edge planner -> critc names an unknown node \"critc\" (did you mean \"critic\"?)",
                  StartsWith("error: the loop from \"citric\" to \"planner\" names an unknown node \"citric\""),
                  "error: entry names an unknown node \"planer\" (did you mean \"planner\"?)",
                  "error: terminal names an unknown node \"x\" (known: planner, critic, writer)",
                  "error: on_block of \"writer\" names an unknown node \"critics\" (did you mean \"critic\"?)"));
}

TEST(WorkflowCheck, EachCycleIsNamedOnce) {
  auto workflow = agents({"a", "b", "c", "x", "y", "after"});
  workflow.edge("a", "b").edge("b", "c").edge("c", "b").edge("x", "y").edge("y", "x").edge("c", "after");
  EXPECT_THAT(problems_of(workflow), ElementsAre(StartsWith("error: cycle without a bound: b -> c -> b ("),
                                                 StartsWith("error: cycle without a bound: x -> y -> x (")));
  EXPECT_THAT(problems_of(agents({"a"}).edge("a", "a")), ElementsAre(HasSubstr("cycle without a bound: a -> a")));
}

TEST(WorkflowCheck, AnOnBlockEdgeCanCloseACycleToo) {
  auto workflow = agents({"a"});
  workflow.node({.id = "b", .on_block = "a"}).edge("a", "b");
  EXPECT_THAT(problems_of(workflow), ElementsAre(HasSubstr("a -> b -> a (a block can only lead onwards)")));
}

TEST(WorkflowCheck, TheWayBackOfALoopMayBeDrawnAsAnEdge) {
  auto workflow = agents({"a", "b"});
  workflow.edge("a", "b").edge("b", "a").loop({.from = "b", .to = "a", .max_iterations = 2});
  EXPECT_THAT(problems_of(workflow), IsEmpty());
}

TEST(WorkflowCheck, LoopsMustLeadSomewhereBeBoundedAndNest) {
  EXPECT_THAT(problems_of(agents({"a", "b"}).edge("a", "b").loop({.from = "a", .to = "b", .max_iterations = 2})),
              ElementsAre(HasSubstr("goes nowhere: no way leads from \"b\" to \"a\"")));
  for (const int passes : {0, -1, 1001}) {
    EXPECT_THAT(problems_of(agents({"a"}).loop({.from = "a", .to = "a", .max_iterations = passes})),
                ElementsAre(HasSubstr("max_iterations")));
  }
  EXPECT_THAT(problems_of(agents({"a", "b", "c"})
                              .edge("a", "b")
                              .edge("b", "c")
                              .loop({.from = "b", .to = "a", .max_iterations = 2})
                              .loop({.from = "c", .to = "b", .max_iterations = 2})),
              ElementsAre(HasSubstr("overlap in \"b\"")));
  EXPECT_THAT(problems_of(agents({"a"})
                              .loop({.from = "a", .to = "a", .max_iterations = 2})
                              .loop({.from = "a", .to = "a", .max_iterations = 3})),
              ElementsAre(HasSubstr("given twice")));
}

TEST(WorkflowCheck, AnEntryCannotHaveAPredecessorThatRuns) {
  EXPECT_THAT(problems_of(agents({"a", "b"}).edge("a", "b").entry("a").entry("b")),
              ElementsAre(HasSubstr("the entry \"b\" has the predecessor \"a\"")));
}

TEST(WorkflowCheck, UnreachableNodesAreWarnings) {
  auto workflow = agents({"a", "b", "c"}).edge("b", "c").entry("a");
  EXPECT_THAT(problems_of(workflow), ElementsAre("warning: node \"b\" can't be reached from an entry",
                                                 "warning: node \"c\" can't be reached from an entry"));
  EXPECT_TRUE(compile(workflow).has_value());
}

TEST(WorkflowCheck, ConditionsAreParsedAndTheirNodesMustHaveRun) {
  EXPECT_THAT(problems_of(agents({"a", "b"}).edge("a", "b", "output ==")),
              ElementsAre("error: condition \"output ==\": the condition ends before a value, at column 10 of the "
                          "condition"));
  EXPECT_THAT(problems_of(agents({"a", "b"}).edge("a", "b", "outputs.x == 'y'")),
              ElementsAre(HasSubstr("names an unknown node \"x\"")));
  EXPECT_THAT(problems_of(agents({"a", "b", "c"}).edge("a", "b").edge("a", "c", "outputs.b == 'y'")),
              ElementsAre(HasSubstr("\"b\" doesn't run before \"a\" has ended")));
  EXPECT_THAT(
      problems_of(agents({"a"}).loop({.from = "a", .to = "a", .until = "verdict == 'blocked'", .max_iterations = 2})),
      ElementsAre(HasSubstr("asks for verdict or status")));
}

TEST(WorkflowCheck, RoutersNeedConditionsAndOnePlainEdgeAtMost) {
  auto workflow = agents({"a", "b"});
  workflow.node({.id = "route", .kind = NodeKind::router});
  EXPECT_THAT(problems_of(workflow), ElementsAre(HasSubstr("router \"route\" has no outgoing edge with a condition")));
  workflow.edge("route", "a").edge("route", "b");
  EXPECT_THAT(problems_of(workflow), ElementsAre(HasSubstr("no outgoing edge with a condition"),
                                                 HasSubstr("has 2 edges without a condition")));
}

struct NodeCase {
  const char* name;
  Node node;
  const char* problem;
};
void PrintTo(const NodeCase& one, std::ostream* out) { *out << one.name; }

class WorkflowNodeCheck : public testing::TestWithParam<NodeCase> {};

TEST_P(WorkflowNodeCheck, FindsTheProblem) {
  Workflow workflow("test");
  workflow.node(GetParam().node);
  EXPECT_THAT(problems_of(workflow), ElementsAre(HasSubstr(GetParam().problem)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, WorkflowNodeCheck,
    testing::Values(
        NodeCase{"tool without a tool", {.id = "n", .kind = NodeKind::tool}, "error: tool node \"n\" needs one tool"},
        NodeCase{"tool with two", {.id = "n", .kind = NodeKind::tool, .tools = {"a", "b"}}, "and has 2"},
        NodeCase{
            "human without a prompt", {.id = "n", .kind = NodeKind::human}, "warning: human node \"n\" has no prompt"},
        NodeCase{"negative time", {.id = "n", .timeout_s = -1}, "error: timeout_s"},
        NodeCase{"many retries", {.id = "n", .retries = 101}, "error: retries"},
        NodeCase{"arguments that are no object",
                 {.id = "n", .kind = NodeKind::tool, .tools = {"t"}, .arguments = "[1]"},
                 "not a JSON object"},
        NodeCase{"a bad schema", {.id = "n", .output_schema = "{\"tpye\": \"object\"}"}, "unknown keyword \"tpye\""},
        NodeCase{"arguments of an agent", {.id = "n", .arguments = "{}"}, "warning: arguments means nothing"},
        NodeCase{"a subgraph without a workflow", {.id = "n", .kind = NodeKind::subgraph}, "has no workflow"}));

TEST(WorkflowCheck, ProblemsOfASubgraphSayInWhichOneTheyAre) {
  auto inner = std::make_shared<Workflow>(agents({"a"}).edge("a", "b"));
  Workflow outer("outer");
  outer.node({.id = "sub", .kind = NodeKind::subgraph, .subgraph = inner});
  EXPECT_THAT(problems_of(outer), ElementsAre(StartsWith("error: in subgraph \"sub\": the edge a -> b names")));
}

TEST(WorkflowCheck, SubgraphsAreNestedToALimit) {
  auto workflow = agents({"a"});
  for (int i = 0; i < 8; ++i) {
    Workflow outer("outer");
    outer.node({.id = "sub", .kind = NodeKind::subgraph, .subgraph = std::make_shared<Workflow>(std::move(workflow))});
    workflow = std::move(outer);
  }
  EXPECT_THAT(problems_of(workflow), ElementsAre(HasSubstr("nested deeper than 8")));
}

TEST(WorkflowCheck, TooManyNodesAreAnError) {
  Workflow workflow("big");
  for (int i = 0; i <= 1000; ++i) workflow.node({.id = "n" + std::to_string(i)});
  EXPECT_THAT(problems_of(workflow), ElementsAre(HasSubstr("has 1001 nodes, more than 1000")));
}

TEST(Compile, FailsWithTheFirstErrorOfTheCheck) {
  const auto graph = compile(agents({"a"}).edge("a", "b"));
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(graph.error().message, HasSubstr("unknown node \"b\""));
}

TEST(Compile, TheDigestTellsStructuresApart) {
  const auto plain = *compile(agents({"a", "b"}).edge("a", "b"));
  EXPECT_EQ(plain->digest, (*compile(agents({"a", "b"}).edge("a", "b")))->digest);
  EXPECT_NE(plain->digest, (*compile(agents({"a", "c"}).edge("a", "c")))->digest);
  EXPECT_NE(plain->digest, (*compile(agents({"a", "b"}).edge("a", "b").terminal("a")))->digest);
}

}  // namespace
}  // namespace meshflow::runtime
