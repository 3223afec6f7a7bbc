#include "meshflow/runtime/workflow.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "runtime/enum_names.hpp"
#include "runtime/graph_build.hpp"

namespace meshflow {

namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 7> kKindNames = {"agent", "tool", "human", "router", "subgraph", "http", "mcp"};

}  // namespace

std::string_view name_of(NodeKind kind) noexcept { return runtime::name_in(kKindNames, kind); }

std::optional<NodeKind> node_kind_from(std::string_view name) noexcept {
  return runtime::value_in<NodeKind>(kKindNames, name);
}

std::string Problem::text() const {
  std::string where = position.file;
  if (position.line > 0) where += fmt::format("{}{}", where.empty() ? "" : ":", position.line);
  if (position.line > 0 && position.column > 0) where += fmt::format(":{}", position.column);
  return fmt::format("{}{}{}: {}", where, where.empty() ? "" : ": ", severity == Severity::error ? "error" : "warning",
                     message);
}

Workflow Workflow::default_team(int max_replans) {
  Workflow team("default_team");
  team.node({.id = "planner", .role = AgentRole::planner})
      .node({.id = "researcher", .role = AgentRole::researcher})
      .node({.id = "executor", .role = AgentRole::executor})
      .node({.id = "critic", .role = AgentRole::critic})
      .edge("planner", "researcher")
      .edge("researcher", "executor")
      .edge("executor", "critic")
      .loop({.from = "critic",
             .to = "executor",
             .until = "not output starts_with \"REVISE\"",
             .max_iterations = max_replans + 1})
      .terminal("executor");
  return team;
}

Workflow& Workflow::node(Node node) {
  nodes_.push_back(std::move(node));
  return *this;
}

Workflow& Workflow::edge(std::string from, std::string to, std::string when) {
  edges_.push_back({.from = std::move(from), .to = std::move(to), .when = std::move(when)});
  return *this;
}

Workflow& Workflow::loop(Loop loop) {
  loops_.push_back(std::move(loop));
  return *this;
}

Workflow& Workflow::entry(std::string node_id) {
  entries_.push_back(std::move(node_id));
  return *this;
}

Workflow& Workflow::terminal(std::string node_id) {
  terminals_.push_back(std::move(node_id));
  return *this;
}

Workflow& Workflow::policy(Policy policy) {
  policy_ = std::move(policy);
  return *this;
}

Workflow& Workflow::tool_server(ToolServer server) {
  tool_servers_.push_back(std::move(server));
  return *this;
}

const Node* Workflow::find(std::string_view node_id) const noexcept {
  const auto found = std::ranges::find(nodes_, node_id, &Node::id);
  return found == nodes_.end() ? nullptr : &*found;
}

std::vector<Problem> Workflow::check() const { return runtime::GraphBuilder(*this).take_problems(); }

}  // namespace meshflow
