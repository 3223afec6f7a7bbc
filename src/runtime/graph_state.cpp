#include <algorithm>
#include <cassert>

#include <fmt/format.h>

#include "runtime/graph.hpp"

namespace meshflow::runtime {
namespace {

// One text as it is, several as sections.
class Sections {
 public:
  void add(std::string_view title, std::string_view text) {
    if (count_ == 1) out_ = section(first_title_, out_);
    if (count_ == 0) {
      first_title_ = title;
      out_ = text;
    } else {
      out_ += "\n" + section(title, text);
    }
    ++count_;
  }
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  static std::string section(std::string_view title, std::string_view text) {
    return fmt::format("## {}\n{}\n", title, text);
  }
  std::size_t count_ = 0;
  std::string first_title_;
  std::string out_;
};

}  // namespace

// The variables of conditions on the edges and loops that leave one node.
class GraphState::Scope final : public ConditionScope {
 public:
  Scope(const GraphState& state, NodeIndex from, int iteration)
      : state_(state), from_(from), record_(state.nodes_[from]), iteration_(iteration) {}

  std::optional<std::string_view> output() const override { return state_.output_of(from_); }
  std::optional<std::string_view> output_of(std::string_view node_id) const override {
    const auto node = state_.graph_->find(node_id);
    return node ? state_.output_of(*node) : std::nullopt;
  }
  std::string_view task() const override { return state_.task_; }
  std::optional<double> uncertainty() const override {
    return record_.has_uncertainty ? std::optional(record_.uncertainty) : std::nullopt;
  }
  double cost_usd() const override { return static_cast<double>(record_.cost_nano_usd) / 1e9; }
  double tokens() const override { return static_cast<double>(record_.tokens); }
  std::string_view verdict() const override { return was_blocked() ? "blocked" : "allowed"; }
  std::string_view status() const override { return was_blocked() ? "blocked" : "ok"; }
  double iteration() const override { return iteration_; }

 private:
  bool was_blocked() const { return record_.state == NodeState::blocked; }
  const GraphState& state_;
  NodeIndex from_;
  const NodeRecord& record_;
  int iteration_;
};

std::optional<NodeIndex> CompiledGraph::find(std::string_view node_id) const noexcept {
  const auto found = std::ranges::find(nodes, node_id, [](const CompiledNode& node) { return node.node.id; });
  if (found == nodes.end()) return std::nullopt;
  return static_cast<NodeIndex>(found - nodes.begin());
}

GraphState::GraphState(std::shared_ptr<const CompiledGraph> graph, std::string task)
    : graph_(std::move(graph)),
      task_(std::move(task)),
      nodes_(graph_->nodes.size()),
      edges_(graph_->edges.size(), EdgeState::undecided),
      passes_(graph_->loops.size(), 1) {
  for (NodeIndex node = 0; node < nodes_.size(); ++node) count_incoming(node);
}

std::span<const NodeIndex> GraphState::start() {
  assert(!started_);
  started_ = true;
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    if (graph_->nodes[node].is_entry) begin(node);
  }
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node].state == NodeState::waiting && nodes_[node].undecided == 0) skip(node);
  }
  settle_skipped(0);
  return ready_;
}

std::span<const NodeIndex> GraphState::node_ended(NodeIndex node, NodeOutcome outcome) {
  auto& record = nodes_[node];
  assert(record.state == NodeState::running);
  ready_.clear();
  skipped_.clear();
  --running_;
  record.output = std::move(outcome.output);
  record.has_uncertainty = outcome.uncertainty.has_value();
  record.uncertainty = outcome.uncertainty.value_or(0);
  record.cost_nano_usd = outcome.cost_nano_usd;
  record.tokens = outcome.tokens;
  switch (outcome.ended) {
    case NodeOutcome::Ended::ok: record.state = NodeState::ok; break;
    case NodeOutcome::Ended::blocked: record.state = NodeState::blocked; break;
    case NodeOutcome::Ended::failed: record.state = NodeState::failed; break;
  }
  if (stopped_by_ != kNone) return {};

  const auto& compiled = graph_->nodes[node];
  if (record.state == NodeState::ok) {
    for (const auto loop : compiled.loops) {
      if (!wants_another_pass(loop)) continue;
      repeat(loop);
      return ready_;
    }
  } else {
    const auto follows = [this](EdgeIndex edge) { return wants(graph_->edges[edge]); };
    if (record.state == NodeState::failed || std::ranges::none_of(compiled.outgoing, follows)) {
      stopped_by_ = node;
      return {};
    }
  }
  decide_outgoing(node);
  leave_loops_of(node);
  settle_skipped(0);
  return ready_;
}

void GraphState::begin(NodeIndex node) {
  nodes_[node].state = NodeState::running;
  ++running_;
  ready_.push_back(node);
}

void GraphState::skip(NodeIndex node) {
  nodes_[node].state = NodeState::skipped;
  nodes_[node].output.clear();  // of an earlier pass
  skipped_.push_back(node);
}

// Skips on along the edges of skipped nodes; `skipped_` grows meanwhile and serves as the queue.
void GraphState::settle_skipped(std::size_t first) {
  for (std::size_t next = first; next < skipped_.size(); ++next) {
    const auto node = skipped_[next];
    decide_outgoing(node);
    leave_loops_of(node);
  }
}

bool GraphState::wants(const CompiledEdge& edge) const {
  switch (nodes_[edge.from].state) {
    case NodeState::ok:
      if (edge.kind == EdgeKind::on_block) return false;
      return !edge.when || edge.when->evaluate(Scope(*this, edge.from, iteration(edge.from)));
    case NodeState::blocked:
      if (edge.kind == EdgeKind::on_block) return true;
      return edge.when && edge.when->asks_about_blocks() &&
             edge.when->evaluate(Scope(*this, edge.from, iteration(edge.from)));
    default: return false;
  }
}

bool GraphState::wants_another_pass(LoopIndex index) const {
  const auto& loop = graph_->loops[index];
  if (passes_[index] >= loop.max_iterations) return false;
  return !loop.until || !loop.until->evaluate(Scope(*this, loop.from, passes_[index]));
}

void GraphState::decide_outgoing(NodeIndex node) {
  if (graph_->nodes[node].node.kind == NodeKind::router && nodes_[node].state == NodeState::ok) {
    decide_route(node);
    return;
  }
  for (const auto edge : graph_->nodes[node].outgoing) decide(edge, wants(graph_->edges[edge]));
}

// The first edge whose condition holds; where none does, the one without a condition.
void GraphState::decide_route(NodeIndex router) {
  EdgeIndex chosen = kNone;
  for (const auto index : graph_->nodes[router].outgoing) {
    const auto& edge = graph_->edges[index];
    if (!wants(edge)) continue;
    if (chosen == kNone || edge.when) chosen = index;
    if (edge.when) break;
  }
  for (const auto edge : graph_->nodes[router].outgoing) decide(edge, edge == chosen);
}

void GraphState::decide(EdgeIndex edge, bool taken) {
  if (graph_->edges[edge].leaves != kNone) {
    edges_[edge] = taken ? EdgeState::held_taken : EdgeState::held_not_taken;
  } else {
    arrive(edge, taken);
  }
}

void GraphState::arrive(EdgeIndex edge, bool taken) {
  edges_[edge] = taken ? EdgeState::taken : EdgeState::not_taken;
  const auto node = graph_->edges[edge].to;
  auto& record = nodes_[node];
  --record.undecided;
  if (taken) ++record.taken;
  if (record.state != NodeState::waiting || record.undecided > 0) return;
  if (record.taken > 0) {
    begin(node);
  } else {
    skip(node);
  }
}

void GraphState::leave_loops_of(NodeIndex from) {
  for (const auto loop : graph_->nodes[from].loops) {
    for (const auto edge : graph_->loops[loop].exits) arrive(edge, edges_[edge] == EdgeState::held_taken);
  }
}

void GraphState::repeat(LoopIndex index) {
  const auto& loop = graph_->loops[index];
  ++passes_[index];
  for (const auto inner : loop.inner) passes_[inner] = 1;
  for (const auto node : loop.body) {
    nodes_[node].state = NodeState::waiting;
    for (const auto edge : graph_->nodes[node].outgoing) edges_[edge] = EdgeState::undecided;
  }
  for (const auto node : loop.body) count_incoming(node);
  begin(loop.to);
}

void GraphState::count_incoming(NodeIndex node) {
  auto& record = nodes_[node];
  record.undecided = 0;
  record.taken = 0;
  for (const auto edge : graph_->nodes[node].incoming) {
    if (edges_[edge] == EdgeState::taken) ++record.taken;
    if (edges_[edge] != EdgeState::taken && edges_[edge] != EdgeState::not_taken) ++record.undecided;
  }
}

GraphState::Progress GraphState::progress() const noexcept {
  if (stopped_by_ != kNone) {
    return nodes_[stopped_by_].state == NodeState::failed ? Progress::failed : Progress::aborted;
  }
  return finished() ? Progress::completed : Progress::running;
}

std::optional<NodeIndex> GraphState::stopped_by() const noexcept {
  return stopped_by_ == kNone ? std::nullopt : std::optional(stopped_by_);
}

std::vector<NodeIndex> GraphState::waiting() const {
  std::vector<NodeIndex> out;
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node].state == NodeState::running) out.push_back(node);
  }
  return out;
}

int GraphState::iteration(NodeIndex node) const noexcept {
  const auto loop = graph_->nodes[node].innermost;
  return loop == kNone ? 1 : passes_[loop];
}

std::optional<std::string_view> GraphState::output_of(NodeIndex node) const noexcept {
  const auto& record = nodes_[node];
  return record.state == NodeState::ok ? std::optional<std::string_view>(record.output) : std::nullopt;
}

std::string GraphState::output() const {
  Sections out;
  for (NodeIndex node = 0; node < nodes_.size(); ++node) {
    if (!graph_->nodes[node].is_terminal || nodes_[node].state != NodeState::ok) continue;
    out.add(graph_->nodes[node].node.id, nodes_[node].output);
  }
  return std::move(out).take();
}

std::string GraphState::input_of(NodeIndex node) const {
  const auto& compiled = graph_->nodes[node];
  Sections out;
  if (compiled.is_entry) out.add("task", task_);
  std::vector<NodeIndex> given;  // two edges from one node give its output once
  for (const auto edge : compiled.incoming) {
    const auto from = graph_->edges[edge].from;
    if (edges_[edge] != EdgeState::taken || std::ranges::find(given, from) != given.end()) continue;
    given.push_back(from);
    out.add(graph_->nodes[from].node.id, nodes_[from].output);
  }
  given.clear();
  for (LoopIndex index = 0; index < graph_->loops.size(); ++index) {
    const auto& loop = graph_->loops[index];
    if (loop.to != node || passes_[index] == 1) continue;
    for (const auto last : {loop.to, loop.from}) {
      if (std::ranges::find(given, last) != given.end()) continue;
      given.push_back(last);
      out.add(graph_->nodes[last].node.id + " (previous pass)", nodes_[last].output);
    }
  }
  return std::move(out).take();
}

std::vector<NodeIndex> GraphState::followers_of(NodeIndex node) const {
  std::vector<NodeIndex> out;
  for (const auto edge : graph_->nodes[node].outgoing) {
    if (edges_[edge] != EdgeState::taken && edges_[edge] != EdgeState::held_taken) continue;
    const auto to = graph_->edges[edge].to;
    if (std::ranges::find(out, to) == out.end()) out.push_back(to);
  }
  return out;
}

std::string GraphState::route_of(NodeIndex node) const {
  std::string out;
  for (const auto follower : followers_of(node)) {
    if (!out.empty()) out += ", ";
    out += graph_->nodes[follower].node.id;
  }
  return out;
}

std::vector<NodeIndex> GraphState::blocked_before(NodeIndex node) const {
  std::vector<NodeIndex> out;
  for (const auto edge : graph_->nodes[node].incoming) {
    const auto from = graph_->edges[edge].from;
    if (edges_[edge] != EdgeState::taken || nodes_[from].state != NodeState::blocked) continue;
    if (std::ranges::find(out, from) == out.end()) out.push_back(from);
  }
  return out;
}

}  // namespace meshflow::runtime
