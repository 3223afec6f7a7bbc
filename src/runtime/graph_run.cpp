#include "runtime/graph_run.hpp"

#include <fmt/format.h>

#include "runtime/attributes.hpp"
#include "runtime/gate_spans.hpp"
#include "runtime/node_run.hpp"

namespace meshflow::runtime {
namespace {

// Suspends the graph's coroutine until a node has ended.
struct NextEnd {
  GraphFrame& frame;
  [[nodiscard]] bool await_ready() const noexcept { return !frame.ended.empty(); }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept { frame.waiter = coroutine; }
  void await_resume() const noexcept {}
};

void launch(const std::shared_ptr<RunState>& run, GraphFrame& frame, NodeIndex node,
            std::unique_ptr<NodeResume> resume = nullptr) {
  ++frame.active;
  run_node(run, frame, node, std::move(resume));
}

void tell_skipped(const RunState& run, const GraphFrame& frame) {
  if (!run.listener) return;
  for (const NodeIndex node : frame.state.skipped()) {
    RunEvent event;
    event.kind = RunEvent::Kind::node_skipped;
    event.node_id = frame.path_of(node);
    run.tell(std::move(event));
  }
}

// What the node's end means for the graph; its span ends here, since only now is known where the work goes.
std::vector<NodeIndex> absorb(RunState& run, GraphFrame& frame, GraphFrame::NodeEnd end) {
  const bool blocked = end.outcome.ended == NodeOutcome::Ended::blocked;
  if (end.block) frame.blocks[end.node] = *end.block;
  if (end.error && !frame.error) frame.error = std::move(end.error);
  const auto ready = frame.state.node_ended(end.node, std::move(end.outcome));
  std::vector<NodeIndex> next(ready.begin(), ready.end());
  const Node& node = frame.state.graph().nodes[end.node].node;
  if (node.kind == NodeKind::router || blocked) {
    const std::string route = frame.state.route_of(end.node);
    if (!route.empty()) end.span.set_attribute(names::kRoute, route);
    if (end.block) {
      auto& what = run.blocked[*end.block].what;
      what.followed_by = !route.empty() ? route : what.gate == "human" ? "rejected" : "aborted";
    }
  }
  end.span.end();
  return next;
}

void keep_paused(RunState& run, GraphFrame& frame, GraphFrame::NodeEnd end) {
  if (end.paused) frame.paused.push_back(std::move(*end.paused));
  if (end.paused_frame) {
    const SpanIdentity identity{end.span.context().span_id, end.span.start_unix_nanos()};
    frame.paused_subgraphs.push_back({end.node, identity, std::move(end.paused_frame)});
  }
  run.spans.discard(end.span, names::kSpanNode);  // whoever ends the node records it
}

std::optional<Decision> taken(std::unique_ptr<Decision>& decision) {
  const auto gone = std::move(decision);
  return gone ? std::optional(std::move(*gone)) : std::nullopt;
}

// Starts what a frame that paused has to go on with: the decision goes to the first node that waits.
void relaunch(const std::shared_ptr<RunState>& run, GraphFrame& frame, std::unique_ptr<Decision> decision) {
  auto paused = std::exchange(frame.paused, {});
  auto subgraphs = std::exchange(frame.paused_subgraphs, {});
  for (PausedNode& node : paused) {
    const NodeIndex index = node.node;
    NodeResume resume{std::move(node), taken(decision), std::nullopt};
    launch(run, frame, index, std::make_unique<NodeResume>(std::move(resume)));
  }
  for (PausedSubgraph& subgraph : subgraphs) {
    const NodeIndex index = subgraph.node;
    NodeResume resume{std::nullopt, taken(decision), std::move(subgraph)};
    launch(run, frame, index, std::make_unique<NodeResume>(std::move(resume)));
  }
}

// One node has ended or waits: keeps that, starts what follows, and ends the run where that is what it means.
void take_end(const std::shared_ptr<RunState>& run, GraphFrame& frame, GraphFrame::NodeEnd end) {
  --frame.active;
  if (end.paused || end.paused_frame) {
    keep_paused(*run, frame, std::move(end));
    return;
  }
  const auto next = absorb(*run, frame, std::move(end));
  tell_skipped(*run, frame);
  for (const NodeIndex node : next) launch(run, frame, node);
  const bool stopped =
      frame.state.progress() == GraphState::Progress::aborted || frame.state.progress() == GraphState::Progress::failed;
  if (stopped && frame.prefix.empty() && frame.active > 0) {
    run->cancellation.cancel(
        Error{ErrorCode::cancelled, fmt::format("node {} ended the run", frame.path_of(*frame.state.stopped_by()))});
  }
}

// What the graph begins with, or goes on with after a pause.
void launch_first(const std::shared_ptr<RunState>& run, GraphFrame& frame, std::unique_ptr<Decision> decision) {
  if (frame.is_paused()) {
    relaunch(run, frame, std::move(decision));
    return;
  }
  const auto started = frame.state.start();
  const std::vector<NodeIndex> first(started.begin(), started.end());
  tell_skipped(*run, frame);
  for (const NodeIndex node : first) launch(run, frame, node);
}

}  // namespace

const PausedNode* first_paused(const GraphFrame& frame) noexcept {
  if (!frame.paused.empty()) return &frame.paused.front();
  for (const PausedSubgraph& subgraph : frame.paused_subgraphs) {
    if (const PausedNode* found = first_paused(*subgraph.frame)) return found;
  }
  return nullptr;
}

Task<void> run_graph(std::shared_ptr<RunState> run, GraphFrame& frame, std::unique_ptr<Decision> decision) {
  launch_first(run, frame, std::move(decision));
  const NextEnd next_end{frame};
  while (frame.active > 0) {
    co_await next_end;
    for (GraphFrame::NodeEnd& end : std::exchange(frame.ended, {})) take_end(run, frame, std::move(end));
  }
}

}  // namespace meshflow::runtime
