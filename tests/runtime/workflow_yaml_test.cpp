#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meshflow/runtime/workflow.hpp"
#include "support/test_paths.hpp"

namespace meshflow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> arrows_of(const Workflow& workflow) {
  std::vector<std::string> out;
  for (const auto& edge : workflow.edges()) {
    out.push_back(edge.from + "->" + edge.to + (edge.when.empty() ? "" : " if " + edge.when));
  }
  return out;
}

TEST(WorkflowYaml, EveryFieldArrives) {
  const auto workflow = Workflow::from_yaml(R"(
name: all
version: 2.10
policy: {budget_usd: 0.5, mode: dev}
nodes:
  plan: {role: planner, agent: my-planner, model: small, prompt: "Plan it", tools: [search, read], retries: 0}
  look: {kind: tool, tool: search, arguments: {query: "x", limit: 5, deep: true}, risk: external_io, timeout_s: 1.5}
  ask:
    kind: human
    prompt: OK?
    on_block: stop
  stop:
  out:
    output_schema: {type: object, required: [a]}
edges:
  - plan -> look -> ask
  - "[stop, ask] -> out"
  - {from: [plan, look], to: out, when: uncertainty < 0.5}
loop: {from: look, to: plan, until: tokens > 1, max_iterations: 3}
entry: plan
terminal: [out, ask]
)",
                                            "all.yaml");
  ASSERT_TRUE(workflow.has_value()) << workflow.error().text();
  EXPECT_EQ(workflow->name(), "all");
  EXPECT_EQ(workflow->version(), "2.10");
  ASSERT_TRUE(workflow->policy().has_value());
  EXPECT_EQ(workflow->policy()->budget_usd, 0.5);
  EXPECT_EQ(workflow->policy()->mode, PolicyMode::dev);

  const auto& plan = *workflow->find("plan");
  EXPECT_EQ(plan.kind, NodeKind::agent);
  EXPECT_EQ(plan.role, AgentRole::planner);
  EXPECT_EQ(plan.agent, "my-planner");
  EXPECT_EQ(plan.model, "small");
  EXPECT_EQ(plan.prompt, "Plan it");
  EXPECT_THAT(plan.tools, ElementsAre("search", "read"));
  EXPECT_EQ(plan.retries, 0);
  EXPECT_EQ(plan.position, (SourcePosition{"all.yaml", 6, 3}));
  const auto& look = *workflow->find("look");
  EXPECT_EQ(look.kind, NodeKind::tool);
  EXPECT_THAT(look.tools, ElementsAre("search"));
  EXPECT_EQ(look.arguments, R"({"query":"x","limit":5,"deep":true})");
  EXPECT_EQ(look.risk, Risk::external_io);
  EXPECT_EQ(look.timeout_s, 1.5);
  EXPECT_EQ(workflow->find("ask")->on_block, "stop");
  EXPECT_EQ(workflow->find("ask")->field_positions.at("on_block"), (SourcePosition{"all.yaml", 11, 15}));
  EXPECT_EQ(workflow->find("stop")->kind, NodeKind::agent);
  EXPECT_EQ(workflow->find("out")->output_schema, R"({"type":"object","required":["a"]})");

  EXPECT_THAT(arrows_of(*workflow), ElementsAre("plan->look", "look->ask", "stop->out", "ask->out",
                                                "plan->out if uncertainty < 0.5", "look->out if uncertainty < 0.5"));
  EXPECT_EQ(workflow->edges()[4].when_position, (SourcePosition{"all.yaml", 18, 41}));
  ASSERT_EQ(workflow->loops().size(), 1U);
  EXPECT_EQ(workflow->loops()[0].max_iterations, 3);
  EXPECT_EQ(workflow->loops()[0].until, "tokens > 1");
  EXPECT_THAT(workflow->entries(), ElementsAre("plan"));
  EXPECT_THAT(workflow->terminals(), ElementsAre("out", "ask"));
}

struct Refusal {
  const char* name;
  const char* yaml;
  const char* text;  // what the Error's text begins with
};
void PrintTo(const Refusal& one, std::ostream* out) { *out << one.name; }

class WorkflowYamlRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(WorkflowYamlRefusal, SaysWhereAndWhatWouldBeRight) {
  const auto workflow = Workflow::from_yaml(GetParam().yaml, "w.yaml");
  ASSERT_FALSE(workflow.has_value());
  EXPECT_THAT(workflow.error().text(), testing::StartsWith(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    Table, WorkflowYamlRefusal,
    testing::Values(
        Refusal{"no map", "- a\n", "w.yaml:1:1: the workflow is a list, not a map"},
        Refusal{"empty", "", "w.yaml:1:1: the workflow is nothing, not a map"},
        Refusal{"no YAML", "nodes: {a: [}\n", "w.yaml:1:"},
        Refusal{"no nodes", "name: x\n", "w.yaml:1:1: the workflow has no nodes"},
        Refusal{"nodes are a list", "nodes: [a]\n", "w.yaml:1:8: nodes must be a map"},
        Refusal{"unknown key", "nodes: {a: }\nedgse: []\n",
                "w.yaml:2:1: unknown key \"edgse\" in the workflow (did you mean \"edges\"?)"},
        Refusal{"unknown key of a node", "nodes:\n  a: {promt: x}\n",
                "w.yaml:2:7: unknown key \"promt\" in node \"a\" (did you mean \"prompt\"?)"},
        Refusal{"duplicate node", "nodes:\n  a: {}\n  b: {}\n  a: {}\n",
                "w.yaml:4:3: \"a\" is given twice (first in line 2)"},
        Refusal{"unknown kind", "nodes:\n  a: {kind: agnet}\n",
                "w.yaml:2:13: kind of node \"a\" is \"agnet\" (did you mean \"agent\"?)"},
        Refusal{"headers are a list", "nodes:\n  a: {kind: http, headers: [x]}\n",
                "w.yaml:2:28: headers of node \"a\" must be a map"},
        Refusal{"unknown role", "nodes:\n  a: {role: critik}\n",
                "w.yaml:2:13: role of node \"a\" is \"critik\" (did you mean \"critic\"?)"},
        Refusal{"wrong type", "nodes:\n  a: {timeout_s: soon}\n",
                "w.yaml:2:18: timeout_s of node \"a\" is \"soon\", not a number"},
        Refusal{"prompt is a list", "nodes:\n  a: {prompt: [x]}\n", "w.yaml:2:15: prompt of node \"a\" is a list"},
        Refusal{"retries out of range", "nodes:\n  a: {retries: 1000}\n", "w.yaml:2:16: retries of node \"a\" is 1000"},
        Refusal{"tool and tools", "nodes:\n  a: {tool: x, tools: [y]}\n", "w.yaml:2:16: tools of node \"a\": tool and"},
        Refusal{"edges are a map", "nodes: {a: }\nedges: {a: b}\n", "w.yaml:2:8: edges must be a list"},
        Refusal{"no arrow", "nodes: {a: }\nedges: [a]\n", "w.yaml:2:9: \"a\" is no edge (- a -> b)"},
        Refusal{"half an arrow", "nodes: {a: }\nedges:\n - a ->\n", "w.yaml:3:4: an id is missing"},
        Refusal{"edge without to", "nodes: {a: }\nedges:\n - {from: a}\n", "w.yaml:3:4: an edge needs from and to"},
        Refusal{"unknown key of an edge", "nodes: {a: }\nedges:\n - {from: a, to: a, if: x}\n",
                "w.yaml:3:21: unknown key \"if\" in an edge"},
        Refusal{"loop without a bound", "nodes: {a: }\nloop: {from: a, to: a}\n",
                "w.yaml:2:7: a loop needs max_iterations"},
        Refusal{"loop with too many passes", "nodes: {a: }\nloop: {from: a, to: a, max_iterations: 1001}\n",
                "w.yaml:2:40: max_iterations is 1001"},
        Refusal{"unknown policy field", "nodes: {a: }\npolicy:\n  budget: 1\n", "w.yaml:3:3: "},
        Refusal{"policy value out of range", "nodes: {a: }\npolicy:\n  retries: many\n", "w.yaml:3:12: "},
        Refusal{"policy of an inline subgraph", "nodes:\n  a: {kind: subgraph, workflow: {policy: {}, nodes: {b: }}}\n",
                "w.yaml:2:42: a subgraph"}));

TEST(WorkflowYaml, ProblemsPointAtTheValueThatIsWrong) {
  const auto workflow = Workflow::from_yaml(R"(nodes:
  a: {on_block: fallbak}
  fallback: {}
  c: {output_schema: {typ: x}}
edges:
  - a -> b
  - {from: a, to: c, when: 'output contians "x"'}
  - {from: a, to: c, when: outputs.z == "x"}
entry: [a, d]
)",
                                            "w.yaml");
  ASSERT_TRUE(workflow.has_value()) << workflow.error().text();
  std::vector<std::string> texts;
  for (const auto& problem : workflow->check()) texts.push_back(problem.text());
  EXPECT_THAT(texts, ElementsAre(HasSubstr("w.yaml:2:17: error: on_block of \"a\" names an unknown node \"fallbak\""),
                                 HasSubstr("w.yaml:4:22: error: output_schema of node \"c\""),
                                 HasSubstr("w.yaml:6:5: error: the edge a -> b names an unknown node \"b\""),
                                 HasSubstr("w.yaml:7:36: error: condition"),
                                 HasSubstr("w.yaml:8:36: error: condition \"outputs.z == \"x\"\" names an unknown"),
                                 HasSubstr("w.yaml:9:12: error: entry names an unknown node \"d\"")));
}

TEST(WorkflowYaml, ACycleIsReportedAtTheEdgeThatClosesIt) {
  const auto workflow = Workflow::from_yaml("nodes: {a: , b: }\nedges:\n  - a -> b\n  - b -> a\n", "w.yaml");
  ASSERT_TRUE(workflow.has_value());
  const auto problems = workflow->check();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].text(), testing::StartsWith("w.yaml:4:5: error: cycle without a bound: a -> b -> a"));
}

TEST(WorkflowYaml, JsonIsYamlToo) {
  const auto workflow =
      Workflow::from_yaml(R"({"policy": {"retries": 1}, "nodes": {"a": {"role": "critic"}}, "edges": []})");
  ASSERT_TRUE(workflow.has_value()) << workflow.error().text();
  EXPECT_EQ(workflow->policy()->retries, 1);
  EXPECT_THAT(workflow->check(), IsEmpty());
}

class WorkflowFiles : public testing::Test {
 protected:
  void SetUp() override {
    auto pattern = (std::filesystem::temp_directory_path() / "workflow_test_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  std::filesystem::path folder_;
};

TEST_F(WorkflowFiles, SubgraphsAreReadFromBesideTheFile) {
  write("parts/inner.yaml", "name: inner\nnodes: {x: }\n");
  const auto path = write("outer.yaml",
                          "nodes:\n  a: {kind: subgraph, workflow: parts/inner.yaml}\n"
                          "  b: {kind: subgraph, workflow: {nodes: {y: , z: }, edges: [y -> z]}}\n");
  const auto workflow = Workflow::from_file(path);
  ASSERT_TRUE(workflow.has_value()) << workflow.error().text();
  EXPECT_EQ(workflow->source_path(), path);
  EXPECT_EQ(workflow->find("a")->subgraph->name(), "inner");
  EXPECT_EQ(workflow->find("b")->subgraph->name(), "b");
  EXPECT_EQ(workflow->find("b")->subgraph->edges().size(), 1U);
  EXPECT_THAT(workflow->check(), IsEmpty());
}

TEST_F(WorkflowFiles, AFileThatContainsItselfIsRefused) {
  const auto path = write("a.yaml", "nodes:\n  n: {kind: subgraph, workflow: sub/b.yaml}\n");
  write("sub/b.yaml", "nodes:\n  n: {kind: subgraph, workflow: ../a.yaml}\n");
  const auto workflow = Workflow::from_file(path);
  ASSERT_FALSE(workflow.has_value());
  EXPECT_THAT(workflow.error().text(), HasSubstr("b.yaml:2:33: workflow of node \"n\": ../a.yaml contains itself"));
}

TEST_F(WorkflowFiles, AMissingFileIsNamedWhereItWasAskedFor) {
  EXPECT_EQ(Workflow::from_file((folder_ / "none.yaml").string()).error().code, ErrorCode::not_found);
  const auto path = write("a.yaml", "nodes:\n  n: {kind: subgraph, workflow: none.yaml}\n");
  const auto workflow = Workflow::from_file(path);
  ASSERT_FALSE(workflow.has_value());
  EXPECT_THAT(workflow.error().text(), HasSubstr("a.yaml:2:33: workflow of node \"n\": "));
}

TEST(WorkflowExamples, HaveNoProblems) {
  int count = 0;
  for (const auto* folder : {"examples", "hands_on"}) {
    for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(test::kSourceFolder) / folder)) {
      if (file.path().extension() != ".yaml") continue;
      ++count;
      const auto workflow = Workflow::from_file(file.path().string());
      ASSERT_TRUE(workflow.has_value()) << workflow.error().text();
      for (const auto& problem : workflow->check()) ADD_FAILURE() << problem.text();
    }
  }
  EXPECT_GE(count, 4);
}

}  // namespace
}  // namespace meshflow
