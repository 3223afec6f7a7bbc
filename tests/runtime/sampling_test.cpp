// What the sampler and the environment decide about runs: a block, a failure or a pause is never lost to sampling.
#include <cstdlib>

#include "run_harness.hpp"

namespace meshflow {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the harness of these tests

// Sets a variable of the process for the life of this object. Tests of one process run one after the other.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~ScopedVariable() { ::unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
};

Task<Result<AgentReply>> answer(AgentContext&, std::string text) { co_return AgentReply{std::move(text)}; }

Workflow of_agent(const std::string& id, const std::string& on_block = {}) {
  Workflow workflow("single");
  workflow.node(node_of("first", id, on_block));
  if (!on_block.empty()) workflow.node(node_of(on_block));
  return workflow;
}

class UnsampledRun : public ::testing::Test {
 protected:
  ScopedVariable off_{"OTEL_TRACES_SAMPLER", "always_off"};
  MeshUnderTest mesh_;
};

TEST_F(UnsampledRun, IsNotExportedWhenNothingHappened) {
  const auto result = mesh_->run_blocking("task", with(of_agent("")));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::completed);
  EXPECT_EQ(result->trace_id.size(), 32u);
  EXPECT_TRUE(mesh_.trace().spans.empty());
}

TEST_F(UnsampledRun, IsExportedWholeWhenSomethingWasBlocked) {
  mesh_->add(agent_of("leaky", [](AgentContext& context) { return answer(context, "4111 1111 1111 1111"); }));
  const auto result = mesh_->run_blocking("task", with(of_agent("leaky", "fallback")));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::completed);
  expect_whole(mesh_.trace(), *result);
}

TEST_F(UnsampledRun, IsExportedWholeWhenItFailed) {
  mesh_->add(function_agent(
      "broken", [](AgentContext&) -> Result<AgentReply> { return fail(ErrorCode::callback_failed, "no"); }));
  const auto result = mesh_->run_blocking("task", with(of_agent("broken")));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::failed);
  expect_whole(mesh_.trace(), *result);
}

TEST_F(UnsampledRun, IsExportedWhenItPaused) {
  Workflow workflow("human");
  Node human = node_of("approval");
  human.kind = NodeKind::human;
  human.prompt = "May it?";
  workflow.node(human);
  const auto result = mesh_->run_blocking("task", with(workflow));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, RunStatus::paused);
  EXPECT_NE(mesh_.trace().with("meshflow.gate", "meshflow.gate_result", "pending"), nullptr);
}

TEST(RunEnvironment, TraceparentOfTheEnvironmentIsContinued) {
  const ScopedVariable outer("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  MeshUnderTest mesh;
  const auto result = mesh->run_blocking("task", with(of_agent("")));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST(RunEnvironment, WithoutAProviderTheErrorListsWhatToSet) {
  for (const char* name : {"MESHFLOW_MOCK", "MESHFLOW_PROVIDER", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_HOST"})
    ::unsetenv(name);
  Mesh mesh;
  const auto result = mesh.run_blocking("task");
  ASSERT_FALSE(result);
  for (const char* name :
       {"MESHFLOW_MOCK", "MESHFLOW_PROVIDER", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_HOST"}) {
    EXPECT_NE(result.error().message.find(name), std::string::npos) << name;
  }
}

TEST(RunEnvironment, MockIsChosenByItsVariableAndTheModelByAnother) {
  const ScopedVariable mock("MESHFLOW_MOCK", "Yes");
  const ScopedVariable model("MESHFLOW_MODEL", "mock-small");
  ScratchFolder folder;
  Policy policy;
  policy.telemetry_file = folder.file("spans.jsonl");
  Mesh mesh(policy);
  ASSERT_TRUE(mesh.run_blocking("task", with(of_agent(""))));
  ASSERT_TRUE(mesh.flush());
  EXPECT_EQ(read_trace_file(folder.file("spans.jsonl")).named("chat").at(0)->name, "chat mock-small");
}

TEST(RunEnvironment, AReadOnlyDataDirectoryIsAnErrorThatNamesIt) {
  const ScratchFolder folder;
  std::ofstream(folder.file("file")) << "not a folder";
  Mesh mesh({.data_dir = folder.file("file") + "/data"}, {.model = mock_model()});
  const auto result = mesh.run_blocking("task");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find(folder.file("file")), std::string::npos) << result.error().text();
}

}  // namespace
}  // namespace meshflow
