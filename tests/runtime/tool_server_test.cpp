// Agents with the tools of a Model Context Protocol server (tests/support/mcp_server.py), asked for by a model.
#include <mutex>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "run_harness.hpp"
#include "support/test_paths.hpp"

namespace meshflow {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using testing::expect_whole;
using ::testing::HasSubstr;
using testing::MeshUnderTest;
using testing::ReadSpan;
using testing::ScratchFolder;
using testing::Trace;

// Asks for one tool, then repeats what that gave.
class AskingModel final : public ModelProvider {
 public:
  AskingModel(std::string tool, std::string arguments) : tool_(std::move(tool)), arguments_(std::move(arguments)) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "asking"; }
  [[nodiscard]] std::string default_model() const override { return "mock-large"; }
  [[nodiscard]] Task<Result<ModelReply>> complete(AgentContext&, ModelRequest request) override {
    ModelReply reply;
    reply.tokens = Tokens{10, 5, 0};
    if (request.messages.back().author == Message::Author::tool) {
      reply.text = request.messages.back().content;
    } else {
      reply.tool_calls.push_back({"call-1", tool_, arguments_});
    }
    const std::lock_guard lock(mutex_);
    offered_ = std::move(request.tools);
    co_return reply;
  }
  [[nodiscard]] std::vector<ToolDescription> offered() const {
    const std::lock_guard lock(mutex_);
    return offered_;
  }
  [[nodiscard]] std::vector<std::string> offered_names() const {
    std::vector<std::string> names;
    for (const ToolDescription& tool : offered()) names.push_back(tool.name);
    return names;
  }

 private:
  const std::string tool_;
  const std::string arguments_;
  mutable std::mutex mutex_;
  std::vector<ToolDescription> offered_;
};

ToolServer server_called(const std::string& name, Risk risk = Risk::external_io) {
  ToolServer server;
  server.name = name;
  server.server.command = "python3";
  server.server.args = {std::string(test::kSourceFolder) + "/tests/support/mcp_server.py"};
  server.risk = risk;
  return server;
}

Workflow with_tools(const std::vector<std::string>& tools, ToolServer server = server_called("files")) {
  Workflow workflow("with tools");
  Node node;
  node.id = "work";
  node.tools = tools;
  workflow.node(std::move(node));
  workflow.tool_server(std::move(server));
  return workflow;
}

MeshOptions with(const std::shared_ptr<ModelProvider>& model) {
  MeshOptions options;
  options.model = model;
  return options;
}

RunResult run(MeshUnderTest& mesh, Workflow workflow) {
  auto result = mesh->run_blocking("look it up", testing::with(std::move(workflow)));
  EXPECT_TRUE(result) << (result ? "" : result.error().text());
  return result ? *result : RunResult{};
}

TEST(ToolServer, AnAgentsModelIsOfferedItsToolsAndTheServerHearsOfTheTrace) {
  const auto model = std::make_shared<AskingModel>("files__echo", R"({"path": "/a"})");
  MeshUnderTest mesh({}, with(model));
  const RunResult result = run(mesh, with_tools({"files"}));
  ASSERT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
  EXPECT_THAT(model->offered_names(), ElementsAre("files__echo", "files__fail", "files__refuse", "files__silent",
                                                  "files__die", "files__garbage", "files__huge", "files__flood",
                                                  "files__ask", "files__environment", "files__count"));
  EXPECT_EQ(model->offered().front().description, "does echo");
  EXPECT_EQ(model->offered().front().parameters_schema, R"({"type":"object"})");

  const Trace trace = mesh.trace();
  expect_whole(trace, result);
  ASSERT_EQ(trace.named("meshflow.tool").size(), 1U);
  const ReadSpan& span = *trace.named("meshflow.tool").front();
  const auto output = json::parse(result.output).as_object();
  EXPECT_EQ(json::serialize(output.at("arguments")), R"({"path":"/a"})");
  EXPECT_EQ(output.at("meta").at("traceparent").as_string(), "00-" + result.trace_id + "-" + span.id() + "-03");
  EXPECT_EQ(span.parent(), trace.named("meshflow.agent").front()->id());
  EXPECT_EQ(span.text("gen_ai.tool.name"), "echo");
  EXPECT_EQ(span.text("gen_ai.tool.call.id"), "call-1");
  EXPECT_EQ(span.text("mcp.method.name"), "tools/call");
  EXPECT_EQ(span.text("mcp.protocol.version"), "2026-07-28");
  EXPECT_EQ(span.text("meshflow.tool.risk"), "external_io");
}

TEST(ToolServer, OneOfItsToolsIsNamedWithTwoUnderscores) {
  const auto model = std::make_shared<AskingModel>("files__count", "");
  MeshUnderTest mesh({}, with(model));
  const RunResult result = run(mesh, with_tools({"files__count", "files__echo", "files__count"}));
  EXPECT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
  EXPECT_THAT(model->offered_names(), ElementsAre("files__count", "files__echo"));
  EXPECT_THAT(result.output, HasSubstr(" 1"));
}

TEST(ToolServer, AModelMayNotCallWhatItsAgentWasNotGiven) {
  const auto model = std::make_shared<AskingModel>("files__environment", "{}");
  MeshUnderTest mesh({}, with(model));
  const RunResult result = run(mesh, with_tools({"files__echo"}));
  EXPECT_EQ(result.status, RunStatus::completed);
  EXPECT_THAT(result.output, HasSubstr("the agent work has no tool files__environment"));
  EXPECT_TRUE(mesh.trace().named("meshflow.tool").empty());
}

TEST(ToolServer, AModelIsToldOfArgumentsThatAreNoObjectAndOfAToolThatFails) {
  const std::pair<const char*, const char*> cases[] = {
      {"[1]", "the arguments of the tool files__fail are no JSON object"}, {"{}", "the disk is full"}};
  for (const auto& [arguments, told] : cases) {
    MeshUnderTest mesh({}, with(std::make_shared<AskingModel>("files__fail", arguments)));
    const RunResult result = run(mesh, with_tools({"files"}));
    EXPECT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
    EXPECT_THAT(result.output, HasSubstr(told));
  }
}

TEST(ToolServer, AServerThatCannotBeStartedFailsTheAgentWithItsName) {
  MeshUnderTest mesh({}, with(std::make_shared<AskingModel>("files__echo", "{}")));
  ToolServer server;
  server.name = "files";
  server.server.command = "/no/such/program";
  const RunResult result = run(mesh, with_tools({"files"}, std::move(server)));
  EXPECT_EQ(result.status, RunStatus::failed);
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->text(), HasSubstr("the tools of files"));
  EXPECT_THAT(result.error->text(), HasSubstr("/no/such/program"));
}

TEST(ToolServer, ARiskyOneMakesItsAgentWaitForAPerson) {
  Policy policy;
  policy.human_in_loop.enabled = true;
  policy.human_in_loop.from_risk = Risk::external_io;
  MeshUnderTest mesh(policy, with(std::make_shared<AskingModel>("files__echo", "{}")));
  EXPECT_EQ(run(mesh, with_tools({"files"})).status, RunStatus::paused);
  EXPECT_EQ(run(mesh, with_tools({"files__echo"}, server_called("files", Risk::read_only))).status,
            RunStatus::completed);
}

TEST(ToolServer, IsWrittenInAWorkflowFile) {
  const auto workflow = Workflow::from_yaml(R"(
tool_servers:
  files: {command: python3, args: [server.py], env: {TOKEN: "{{ env.TOKEN }}"}, risk: read_only, timeout_s: 2.5}
  wiki:
    url: https://example.com/mcp
    headers: {Authorization: "Bearer {{ env.TOKEN }}"}
nodes:
  work: {tools: [files, wiki__search]}
)",
                                            "servers.yaml");
  ASSERT_TRUE(workflow) << workflow.error().text();
  EXPECT_TRUE(workflow->check().empty());
  ASSERT_EQ(workflow->tool_servers().size(), 2U);
  const ToolServer& files = workflow->tool_servers().front();
  EXPECT_EQ(files.name, "files");
  EXPECT_EQ(files.server.command, "python3");
  EXPECT_THAT(files.server.args, ElementsAre("server.py"));
  EXPECT_THAT(files.server.environment, ElementsAre(std::pair<std::string, std::string>("TOKEN", "{{ env.TOKEN }}")));
  EXPECT_EQ(files.risk, Risk::read_only);
  EXPECT_EQ(files.timeout_s, 2.5);
  const ToolServer& wiki = workflow->tool_servers().back();
  EXPECT_EQ(wiki.server.url, "https://example.com/mcp");
  EXPECT_EQ(wiki.server.headers.front().first, "Authorization");
  EXPECT_EQ(wiki.risk, Risk::external_io);
}

TEST(ToolServer, WhatIsWrongWithOneIsFoundWithItsPlace) {
  const auto workflow = Workflow::from_yaml(R"(
tool_servers:
  two__words: {command: a}
  nothing: {risk: internal}
  output: {url: "https://example.com/", headers: {A: "{{ input }}"}, timeout_s: -1}
nodes:
  work:
)",
                                            "servers.yaml");
  ASSERT_TRUE(workflow) << workflow.error().text();
  std::vector<std::string> texts;
  for (const Problem& problem : workflow->check()) texts.push_back(problem.text());
  EXPECT_THAT(texts,
              ElementsAre(HasSubstr("servers.yaml:3:3: error: \"two__words\" can't be a tool server's name"),
                          HasSubstr("servers.yaml:4:3: error: tool server \"nothing\" has neither a command nor a url"),
                          HasSubstr("A in headers of tool server \"output\": input may not stand here"),
                          HasSubstr("error: timeout_s of tool server \"output\" is -1")));
}

}  // namespace
}  // namespace meshflow
