// The part of the builder that is about paths: cycles, loops' bodies, reachability, conditions.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "runtime/graph_build.hpp"
#include "base/nearest.hpp"

namespace meshflow::runtime {

// Kahn's algorithm; what it cannot sort holds cycles. Each of them is reported once and then thought away.
void GraphBuilder::sort_nodes() {
  const auto count = made_->nodes.size();
  std::vector<std::size_t> undecided(count);
  std::vector<bool> remaining(count, true);
  for (std::size_t node = 0; node < count; ++node) undecided[node] = made_->nodes[node].incoming.size();
  const auto remove = [&](NodeIndex node) {
    remaining[node] = false;
    for (const auto edge : made_->nodes[node].outgoing) {
      const auto to = made_->edges[edge].to;
      if (remaining[to] && --undecided[to] == 0) order_.push_back(to);
    }
  };
  for (NodeIndex node = 0; node < count; ++node) {
    if (undecided[node] == 0) order_.push_back(node);
  }
  std::size_t next = 0;
  while (true) {
    for (; next < order_.size(); ++next) remove(order_[next]);
    if (next == count) return;
    is_acyclic_ = false;
    auto cycle = cycle_among(remaining);
    for (const auto edge : cycle) {
      order_.push_back(made_->edges[edge].from);
      remaining[made_->edges[edge].from] = false;
    }
    report_cycle(std::move(cycle));
  }
}

// Each candidate has a predecessor among the candidates: going backwards, a node comes again.
std::vector<EdgeIndex> GraphBuilder::cycle_among(const std::vector<bool>& candidates) const {
  auto node = static_cast<NodeIndex>(std::ranges::find(candidates, true) - candidates.begin());
  std::vector<NodeIndex> visited;
  std::vector<EdgeIndex> way;  // way[i] leads to visited[i]
  while (true) {
    const auto again = std::ranges::find(visited, node);
    if (again != visited.end()) {
      std::vector<EdgeIndex> cycle(way.begin() + (again - visited.begin()), way.end());
      std::ranges::reverse(cycle);
      return cycle;
    }
    visited.push_back(node);
    const auto& incoming = made_->nodes[node].incoming;
    const auto edge = *std::ranges::find_if(incoming, [&](EdgeIndex i) { return candidates[made_->edges[i].from]; });
    way.push_back(edge);
    node = made_->edges[edge].from;
  }
}

// Told from the node written first; the edge back to it is the one to blame.
void GraphBuilder::report_cycle(std::vector<EdgeIndex> cycle) {
  const auto from = [this](EdgeIndex edge) { return made_->edges[edge].from; };
  std::ranges::rotate(cycle, std::ranges::min_element(cycle, {}, from));
  std::string shown;
  for (const auto edge : cycle) shown += id_of(from(edge)) + " -> ";
  shown += id_of(from(cycle.front()));
  const auto& last = made_->edges[cycle.back()];
  const auto hint = last.kind == EdgeKind::on_block
                        ? std::string("a block can only lead onwards")
                        : fmt::format(
                              "a loop instead of the edge {0} -> {1}: loop: {{from: {0}, to: {1}, until: "
                              "CONDITION, max_iterations: N}}",
                              id_of(last.from), id_of(last.to));
  error(edge_positions_[cycle.back()], fmt::format("cycle without a bound: {}", shown), hint);
}

void GraphBuilder::find_ancestors() {
  ancestors_.resize(made_->nodes.size());
  for (const auto node : order_) {
    ancestors_[node].set(node);
    for (const auto edge : made_->nodes[node].incoming) ancestors_[node] |= ancestors_[made_->edges[edge].from];
  }
}

void GraphBuilder::find_bodies() {
  for (std::size_t i = 0; i < made_->loops.size(); ++i) {
    auto& loop = made_->loops[i];
    if (!ancestors_[loop.from][loop.to]) {
      error(written_loops_[i]->position,
            fmt::format("the loop from \"{0}\" to \"{1}\" goes nowhere: no way leads from \"{1}\" to \"{0}\"",
                        id_of(loop.from), id_of(loop.to)));
      continue;
    }
    for (NodeIndex node = 0; node < made_->nodes.size(); ++node) {
      if (ancestors_[node][loop.to] && ancestors_[loop.from][node]) loop.body.push_back(node);
    }
  }
}

// Bodies are sorted.
bool GraphBuilder::is_inside(LoopIndex inner, LoopIndex outer) const {
  return std::ranges::includes(made_->loops[outer].body, made_->loops[inner].body);
}

void GraphBuilder::nest_loops() {
  auto& loops = made_->loops;
  for (LoopIndex left = 0; left < loops.size(); ++left) {
    for (LoopIndex right = left + 1; right < loops.size(); ++right) {
      std::vector<NodeIndex> common;
      std::ranges::set_intersection(loops[left].body, loops[right].body, std::back_inserter(common));
      if (is_inside(left, right)) {
        loops[right].inner.push_back(left);
      } else if (is_inside(right, left)) {
        loops[left].inner.push_back(right);
      } else if (!common.empty()) {
        error(written_loops_[right]->position,
              fmt::format("the loops from \"{}\" to \"{}\" and from \"{}\" to \"{}\" overlap in \"{}\"",
                          id_of(loops[left].from), id_of(loops[left].to), id_of(loops[right].from),
                          id_of(loops[right].to), id_of(common.front())),
              "one must lie inside the other, or apart");
      }
    }
  }
  std::vector<LoopIndex> innermost_first(loops.size());
  for (LoopIndex i = 0; i < loops.size(); ++i) innermost_first[i] = i;
  std::ranges::stable_sort(innermost_first, {}, [&](LoopIndex i) { return loops[i].body.size(); });
  for (const auto index : innermost_first) {
    const auto& loop = loops[index];
    made_->nodes[loop.from].loops.push_back(index);
    for (const auto node : loop.body) {
      if (made_->nodes[node].innermost == kNone) made_->nodes[node].innermost = index;
    }
    const auto contains = [&](NodeIndex node) { return std::ranges::binary_search(loop.body, node); };
    for (auto& edge : made_->edges) {
      if (contains(edge.from) && !contains(edge.to)) edge.leaves = index;  // outer loops come later and win
    }
  }
  for (EdgeIndex edge = 0; edge < made_->edges.size(); ++edge) {
    if (made_->edges[edge].leaves != kNone) loops[made_->edges[edge].leaves].exits.push_back(edge);
  }
}

void GraphBuilder::find_reachable() {
  std::vector<bool> reachable(made_->nodes.size());
  for (const auto index : order_) {
    auto& node = made_->nodes[index];
    const auto from_reachable = [&](EdgeIndex edge) { return reachable[made_->edges[edge].from]; };
    const auto into = std::ranges::find_if(node.incoming, from_reachable);
    reachable[index] = node.is_entry || into != node.incoming.end();
    if (node.is_entry && into != node.incoming.end()) {
      error(edge_positions_[*into],
            fmt::format("the entry \"{}\" has the predecessor \"{}\", but an entry begins at once", node.node.id,
                        id_of(made_->edges[*into].from)),
            "only a loop can go back to an entry");
    }
  }
  for (NodeIndex node = 0; node < reachable.size(); ++node) {
    if (reachable[node]) continue;
    warning(made_->nodes[node].node.position, fmt::format("node \"{}\" can't be reached from an entry", id_of(node)));
  }
}

void GraphBuilder::add_conditions() {
  for (EdgeIndex i = 0; i < made_->edges.size(); ++i) {
    const auto* written = written_edges_[i];
    if (written == nullptr || written->when.empty()) continue;
    auto& edge = made_->edges[i];
    edge.when = condition_of(written->when, written->when_position, written->position, edge.from);
  }
  for (LoopIndex i = 0; i < made_->loops.size(); ++i) {
    const auto& written = *written_loops_[i];
    if (written.until.empty()) continue;
    auto& loop = made_->loops[i];
    loop.until = condition_of(written.until, written.until_position, written.position, loop.from);
    if (loop.until && loop.until->asks_about_blocks()) {
      error(written.position, fmt::format("until of the loop from \"{}\" to \"{}\" asks for verdict or status, but a "
                                          "loop goes on only after \"{}\" has ended well",
                                          written.from, written.to, written.from));
    }
  }
}

std::optional<Condition> GraphBuilder::condition_of(const std::string& text, const SourcePosition& position,
                                                    const SourcePosition& fallback, NodeIndex from) {
  auto condition = parse_condition(text, position);
  if (!condition) {
    const auto& failure = condition.error();
    error(failure.position.value_or(fallback), fmt::format("condition \"{}\": {}", text, failure.message),
          failure.hint);
    return std::nullopt;
  }
  for (const auto& reference : condition->references()) {
    const auto& at = reference.position.line > 0 ? reference.position : fallback;
    const auto node = resolve(reference.node_id, at, fmt::format("condition \"{}\"", text));
    if (node == kNone || !is_acyclic_ || ancestors_[from][node]) continue;
    error(at, fmt::format("condition \"{}\": \"{}\" doesn't run before \"{}\" has ended", text, reference.node_id,
                          id_of(from)));
  }
  return std::move(*condition);
}

// Everything that a checkpoint's indices and edge states depend on.
std::string GraphBuilder::digest() const {
  std::string text = "meshflow graph 1\n";
  for (const auto& node : made_->nodes) {
    text += fmt::format("node {} {} {} {} {}\n", node.node.id, name_of(node.node.kind), node.is_entry, node.is_terminal,
                        node.subgraph ? node.subgraph->digest : "");
  }
  for (const auto& edge : made_->edges) {
    text += fmt::format("edge {} {} {} {}\n", edge.from, edge.to, edge.kind == EdgeKind::on_block,
                        edge.when ? edge.when->text() : "");
  }
  for (const auto& loop : made_->loops) {
    text += fmt::format("loop {} {} {} {}\n", loop.from, loop.to, loop.max_iterations,
                        loop.until ? loop.until->text() : "");
  }
  return sha256_hex(text);
}

Result<std::shared_ptr<const CompiledGraph>> compile(const Workflow& workflow) {
  GraphBuilder builder(workflow);
  for (auto& problem : builder.take_problems()) {
    if (problem.severity != Problem::Severity::error) continue;
    const bool is_placed = problem.position.line > 0;
    Error error{is_placed ? ErrorCode::invalid_input : ErrorCode::invalid_argument, std::move(problem.message)};
    if (is_placed) error.position = std::move(problem.position);
    return tl::unexpected(std::move(error));
  }
  return builder.graph();
}

}  // namespace meshflow::runtime
