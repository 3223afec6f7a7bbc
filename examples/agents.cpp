// Two agents and a tool of one's own, and a workflow built in code. docs/agents.md explains it.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <meshflow/meshflow.hpp>

using meshflow::AgentContext;
using meshflow::AgentReply;
using meshflow::Result;
using meshflow::Task;

namespace {

// A tool is a plain function: it has a thread of its own and may block. Its arguments are JSON.
Result<std::string> stock(AgentContext& ctx) {
  if (ctx.input().find("ink") == std::string::npos) {
    return meshflow::fail(meshflow::ErrorCode::invalid_argument, "the shop sells ink only");
  }
  return "12 bottles of ink";
}

// So is this agent. What a plain function calls, it waits for.
Result<AgentReply> buyer(AgentContext& ctx) {
  auto found = ctx.wait(ctx.call_tool("stock", R"({"article": "ink"})"));
  if (!found) return tl::unexpected(found.error());
  return AgentReply{"In stock: " + *found};
}

// A coroutine holds no thread while it waits: thousands may run at once. It must not block.
Task<Result<AgentReply>> writer(AgentContext& ctx) {
  meshflow::ModelRequest request;
  request.messages = {{.content = "Write an order. " + ctx.input()}};
  auto reply = co_await ctx.call_model(std::move(request));
  if (!reply) co_return tl::unexpected(reply.error());
  co_return AgentReply{.output = reply->text, .uncertainty = 0.2};
}

}  // namespace

int main() {
  meshflow::Workflow workflow("order");
  workflow.node({.id = "look", .role = meshflow::AgentRole::researcher, .agent = "buyer"})
      .node({.id = "order", .agent = "writer"})
      .edge("look", "order");

  meshflow::Mesh mesh({.budget_usd = 0.10}, {.model = meshflow::mock_model()});
  mesh.add(meshflow::Tool{.name = "stock", .description = "What the shop has.", .body = stock});
  mesh.add(meshflow::Agent{.id = "buyer", .role = meshflow::AgentRole::researcher, .body = buyer});
  mesh.add(meshflow::Agent{.id = "writer", .body = writer});

  auto result = mesh.run_blocking("Order ink", {.workflow = std::make_shared<const meshflow::Workflow>(workflow)});
  if (!result) return meshflow::report(result.error());
  std::printf("%s\n\n%s", result->output.c_str(), meshflow::summary_text(*result).c_str());
  return result->status == meshflow::RunStatus::completed ? 0 : 1;
}
