#include "runtime/graph_build.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/nearest.hpp"
#include "runtime/schema.hpp"

namespace meshflow::runtime {
namespace {}  // namespace

bool is_node_id(std::string_view id) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !id.empty() && id.size() <= kNodeIdBytesMax && is_letter(id.front()) &&
         std::ranges::all_of(id, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

const SourcePosition& position_of(const Node& node, std::string_view field) {
  const auto found = node.field_positions.find(field);
  return found == node.field_positions.end() ? node.position : found->second;
}

GraphBuilder::GraphBuilder(const Workflow& workflow, std::size_t depth)
    : workflow_(workflow), depth_(depth), made_(std::make_shared<CompiledGraph>()) {
  made_->name = workflow.name();
  made_->version = workflow.version();
  if (!is_within_limits()) return;
  add_nodes();
  add_tool_servers();
  add_loops();
  add_edges();
  for (NodeIndex node = 0; node < made_->nodes.size(); ++node) {
    if (made_->nodes[node].node.kind == NodeKind::router) check_router(node);
  }
  sort_nodes();
  add_ends();
  if (is_acyclic_) {
    find_ancestors();
    find_bodies();
    nest_loops();
  }
  add_conditions();
  check_references();
  if (!has_errors_) find_reachable();
  if (has_errors_) return;
  made_->digest = digest();
  graph_ = made_;
}

std::vector<Problem> GraphBuilder::take_problems() {
  const std::string own_file = workflow_.nodes().empty() ? std::string() : workflow_.nodes().front().position.file;
  const auto key = [&](const Problem& problem) {
    const auto& at = problem.position;
    return std::tuple(at.line == 0, at.file != own_file, std::string_view(at.file), at.line, at.column);
  };
  std::ranges::stable_sort(problems_, {}, key);
  return std::move(problems_);
}

void GraphBuilder::error(const SourcePosition& position, std::string message, const std::string& hint) {
  has_errors_ = true;
  if (!hint.empty()) message += fmt::format(" ({})", hint);
  problems_.push_back({Problem::Severity::error, std::move(message), position});
}

void GraphBuilder::warning(const SourcePosition& position, std::string message) {
  problems_.push_back({Problem::Severity::warning, std::move(message), position});
}

NodeIndex GraphBuilder::resolve(std::string_view node_id, const SourcePosition& position, std::string_view what) {
  const auto found = indices_.find(node_id);
  if (found != indices_.end()) return found->second;
  std::vector<std::string_view> known;
  for (const auto& node : workflow_.nodes()) known.push_back(node.id);
  error(position, fmt::format("{} names an unknown node \"{}\"", what, node_id), name_hint(node_id, known));
  return kNone;
}

bool GraphBuilder::is_within_limits() {
  const auto check = [this](std::size_t count, std::size_t count_max, std::string_view what) {
    if (count <= count_max) return true;
    error({}, fmt::format("the workflow has {} {}, more than {}", count, what, count_max));
    return false;
  };
  if (depth_ > kSubgraphDepthMax) {
    error({}, fmt::format("subgraphs are nested deeper than {}", kSubgraphDepthMax));
    return false;
  }
  if (workflow_.nodes().empty()) {
    error({}, fmt::format("the workflow \"{}\" has no nodes", workflow_.name()));
    return false;
  }
  return check(workflow_.nodes().size(), kWorkflowNodesMax, "nodes") &&
         check(workflow_.edges().size(), kWorkflowEdgesMax, "edges") &&
         check(workflow_.loops().size(), kWorkflowLoopsMax, "loops") &&
         check(workflow_.tool_servers().size(), kToolServersMax, "tool servers");
}

void GraphBuilder::add_nodes() {
  for (const auto& node : workflow_.nodes()) {
    if (!is_node_id(node.id)) {
      error(node.position, fmt::format("\"{}\" can't be a node's id", utf8_prefix(node.id, kNodeIdBytesMax)),
            fmt::format("a letter or _, then letters, digits, _ and -, at most {}", kNodeIdBytesMax));
    }
    const auto [place, is_new] = indices_.emplace(node.id, static_cast<NodeIndex>(made_->nodes.size()));
    if (!is_new) {
      const auto& first = made_->nodes[place->second].node.position;
      error(node.position, fmt::format("there is a node \"{}\" already", node.id),
            first.line > 0 ? fmt::format("in line {}", first.line) : "");
      continue;
    }
    auto& compiled = made_->nodes.emplace_back();
    compiled.node = node;
    check_fields(node);
    add_texts(compiled);
    if (node.kind == NodeKind::http) add_http(compiled);
    if (node.kind == NodeKind::mcp) add_mcp(compiled);
    check_unused_fields(node);
    if (node.kind == NodeKind::subgraph) add_subgraph(compiled);
  }
}

void GraphBuilder::check_fields(const Node& node) {
  const auto name = fmt::format("{} node \"{}\"", name_of(node.kind), node.id);
  if ((node.kind == NodeKind::tool || node.kind == NodeKind::mcp) && node.tools.size() != 1) {
    error(position_of(node, "tools"), fmt::format("{} needs one tool, and has {}", name, node.tools.size()),
          "tool: NAME");
  }
  if (node.kind == NodeKind::human && node.prompt.empty()) {
    warning(node.position, fmt::format("{} has no prompt: the person will not be told what is asked", name));
  }
  if (node.kind == NodeKind::router && !node.on_block.empty()) {
    error(position_of(node, "on_block"), fmt::format("{} has on_block, but a router is never blocked", name));
  }
  if (!std::isfinite(node.timeout_s) || node.timeout_s < 0 || node.timeout_s > kNodeTimeoutSecondsMax) {
    error(position_of(node, "timeout_s"), fmt::format("timeout_s of {} is {}", name, node.timeout_s),
          fmt::format("0 (the policy's) to {}", kNodeTimeoutSecondsMax));
  }
  if (node.retries && (*node.retries < 0 || *node.retries > kNodeRetriesMax)) {
    error(position_of(node, "retries"), fmt::format("retries of {} is {}", name, *node.retries),
          fmt::format("0 to {}", kNodeRetriesMax));
  }
}

// The texts that hold JSON.
void GraphBuilder::add_texts(CompiledNode& compiled) {
  const Node& node = compiled.node;
  if (!node.arguments.empty()) {
    boost::json::error_code failure;
    const auto arguments = boost::json::parse(node.arguments, failure);
    if (failure || !arguments.is_object()) {
      error(position_of(node, "arguments"), fmt::format("arguments of node \"{}\" are not a JSON object", node.id),
            failure ? failure.message() : "");
    } else {
      compiled.arguments = json_of(node, "arguments", node.arguments);
    }
  }
  if (node.output_schema.empty()) return;
  auto schema = OutputSchema::parse(node.output_schema);
  if (schema) {
    compiled.output_schema = std::move(*schema);
  } else {
    error(position_of(node, "output_schema"),
          fmt::format("output_schema of node \"{}\": {}", node.id, schema.error().message), schema.error().hint);
  }
}

void GraphBuilder::check_unused_fields(const Node& node) {
  const bool is_agent = node.kind == NodeKind::agent;
  const bool is_tool = node.kind == NodeKind::tool;
  const bool is_http = node.kind == NodeKind::http;
  const bool is_mcp = node.kind == NodeKind::mcp;
  const auto is_written = [&](std::string_view field) { return node.field_positions.contains(field); };
  const bool asks = is_agent || node.kind == NodeKind::human;
  const std::pair<std::string_view, bool> unused[] = {
      {"agent", !is_agent && !node.agent.empty()},
      {"model", !is_agent && !node.model.empty()},
      {"prompt", !asks && !node.prompt.empty()},
      {"tools", !is_agent && !is_tool && !is_mcp && !node.tools.empty()},
      {"arguments", !is_tool && !is_mcp && !node.arguments.empty()},
      {"workflow", node.kind != NodeKind::subgraph && node.subgraph != nullptr},
      {"http", !is_http && node.http.has_value()},
      {"mcp", !is_mcp && node.mcp.has_value()},
      {"output_schema",
       (node.kind == NodeKind::human || node.kind == NodeKind::subgraph) && !node.output_schema.empty()},
      {"method", !is_http && is_written("method")},
      {"url", !is_http && !is_mcp && is_written("url")},
      {"headers", !is_http && !is_mcp && is_written("headers")},
      {"body", !is_http && is_written("body")},
      {"response_bytes_max", !is_http && is_written("response_bytes_max")},
      {"command", !is_mcp && is_written("command")},
      {"args", !is_mcp && is_written("args")},
      {"env", !is_mcp && is_written("env")},
  };
  for (const auto& [field, is_unused] : unused) {
    if (!is_unused) continue;
    warning(position_of(node, field),
            fmt::format("{} means nothing on node \"{}\", whose kind is {}", field, node.id, name_of(node.kind)));
  }
}

void GraphBuilder::add_subgraph(CompiledNode& compiled) {
  const auto& node = compiled.node;
  if (node.subgraph == nullptr) {
    error(node.position, fmt::format("subgraph node \"{}\" has no workflow", node.id), "workflow: FILE.yaml");
    return;
  }
  if (node.subgraph->policy()) {
    warning(position_of(node, "workflow"),
            fmt::format("the policy in the workflow of subgraph \"{}\" is not used: the run's policy holds", node.id));
  }
  GraphBuilder inner(*node.subgraph, depth_ + 1);
  for (auto& problem : inner.take_problems()) {
    problem.message = fmt::format("in subgraph \"{}\": {}", node.id, problem.message);
    if (problem.position.line == 0) problem.position = position_of(node, "workflow");
    has_errors_ = has_errors_ || problem.severity == Problem::Severity::error;
    problems_.push_back(std::move(problem));
  }
  compiled.subgraph = inner.graph();
}

void GraphBuilder::add_loops() {
  for (const auto& loop : workflow_.loops()) {
    const auto name = fmt::format("the loop from \"{}\" to \"{}\"", loop.from, loop.to);
    CompiledLoop compiled;
    compiled.from = resolve(loop.from, loop.position, name);
    compiled.to = resolve(loop.to, loop.position, name);
    compiled.max_iterations = loop.max_iterations;
    if (loop.max_iterations < 1 || loop.max_iterations > kLoopIterationsMax) {
      error(loop.position, fmt::format("max_iterations of {} is {}", name, loop.max_iterations),
            fmt::format("1 to {}", kLoopIterationsMax));
    }
    if (compiled.from == kNone || compiled.to == kNone) continue;
    const auto is_same = [&](const CompiledLoop& other) {
      return other.from == compiled.from && other.to == compiled.to;
    };
    if (std::ranges::any_of(made_->loops, is_same)) {
      error(loop.position, fmt::format("{} is given twice", name));
      continue;
    }
    made_->loops.push_back(std::move(compiled));
    written_loops_.push_back(&loop);
  }
}

void GraphBuilder::add_edges() {
  for (const auto& edge : workflow_.edges()) {
    const auto name = fmt::format("the edge {} -> {}", edge.from, edge.to);
    CompiledEdge compiled;
    compiled.from = resolve(edge.from, edge.position, name);
    compiled.to = resolve(edge.to, edge.position, name);
    if (compiled.from == kNone || compiled.to == kNone) continue;
    const auto is_same = [&](const auto& loop) { return loop.from == compiled.from && loop.to == compiled.to; };
    if (std::ranges::any_of(made_->loops, is_same)) {
      // The way back of a loop, drawn as an edge too.
      if (!edge.when.empty()) {
        error(edge.position, fmt::format("{} is a loop's way back and has a condition", name),
              "the loop's until says when it ends");
      }
      continue;
    }
    const auto is_written = [&](const Edge* other) {
      return other != nullptr && other->from == edge.from && other->to == edge.to && other->when == edge.when;
    };
    if (std::ranges::any_of(written_edges_, is_written)) {
      warning(edge.position, fmt::format("{} is given twice", name));
      continue;
    }
    add_edge(compiled, &edge, edge.position);
  }
  for (NodeIndex index = 0; index < made_->nodes.size(); ++index) {
    const auto& node = made_->nodes[index].node;
    if (node.on_block.empty()) continue;
    const auto position = position_of(node, "on_block");
    CompiledEdge compiled;
    compiled.from = index;
    compiled.to = resolve(node.on_block, position, fmt::format("on_block of \"{}\"", node.id));
    compiled.kind = EdgeKind::on_block;
    if (compiled.to != kNone) add_edge(compiled, nullptr, position);
  }
}

void GraphBuilder::add_edge(const CompiledEdge& edge, const Edge* written, const SourcePosition& position) {
  const auto index = static_cast<EdgeIndex>(made_->edges.size());
  made_->nodes[edge.from].outgoing.push_back(index);
  made_->nodes[edge.to].incoming.push_back(index);
  made_->edges.push_back(edge);
  written_edges_.push_back(written);
  edge_positions_.push_back(position);
}

void GraphBuilder::check_router(NodeIndex router) {
  const auto& compiled = made_->nodes[router];
  const auto has_condition = [&](EdgeIndex edge) { return !written_edges_[edge]->when.empty(); };
  std::vector<EdgeIndex> outgoing;
  std::ranges::copy_if(compiled.outgoing, std::back_inserter(outgoing),
                       [&](EdgeIndex edge) { return written_edges_[edge] != nullptr; });
  if (std::ranges::none_of(outgoing, has_condition)) {
    error(compiled.node.position, fmt::format("router \"{}\" has no outgoing edge with a condition", compiled.node.id),
          "{from: ROUTER, to: NODE, when: CONDITION}");
  }
  std::vector<EdgeIndex> otherwise;
  std::ranges::copy_if(outgoing, std::back_inserter(otherwise), std::not_fn(has_condition));
  if (otherwise.size() > 1) {
    error(edge_positions_[otherwise[1]],
          fmt::format("router \"{}\" has {} edges without a condition", compiled.node.id, otherwise.size()),
          "one at most, for when no condition holds");
  }
}

void GraphBuilder::add_ends() {
  const auto position_at = [](const std::vector<SourcePosition>& positions, std::size_t i) {
    return i < positions.size() ? positions[i] : SourcePosition{};
  };
  for (std::size_t i = 0; i < workflow_.entries().size(); ++i) {
    const auto node = resolve(workflow_.entries()[i], position_at(workflow_.entry_positions(), i), "entry");
    if (node != kNone) made_->nodes[node].is_entry = true;
  }
  for (std::size_t i = 0; i < workflow_.terminals().size(); ++i) {
    const auto node = resolve(workflow_.terminals()[i], position_at(workflow_.terminal_positions(), i), "terminal");
    if (node != kNone) made_->nodes[node].is_terminal = true;
  }
  for (auto& node : made_->nodes) {
    if (workflow_.entries().empty()) node.is_entry = node.incoming.empty();
    if (workflow_.terminals().empty()) node.is_terminal = node.outgoing.empty();
  }
}

}  // namespace meshflow::runtime
