// Runs the nodes of a graph: the only place where the state of a graph meets time, spans and code of the user's.
#pragma once

#include <coroutine>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/graph.hpp"
#include "runtime/run_state.hpp"

namespace meshflow::runtime {

// A span that was open when its run paused: enough for another process to record it.
struct SpanIdentity {
  telemetry::SpanId span_id;
  std::int64_t start_unix_nanos = 0;
};

// A node that waits for a person.
struct PausedNode {
  enum class Phase { before_work, after_work };
  NodeIndex node = kNone;
  Phase phase = Phase::before_work;
  SpanIdentity span;
  GateVerdict asked;               // the human gate's verdict, pending
  telemetry::SpanId pending_gate;  // the span that said so
  PendingRequest request;
  NodeOutcome outcome;             // after_work: what the node gave, if a person lets it pass
};

struct GraphFrame;

// A subgraph that did not end because a node in it waits.
struct PausedSubgraph {
  NodeIndex node = kNone;
  SpanIdentity span;
  std::unique_ptr<GraphFrame> frame;
};

// One graph under way. Used on the run's strand.
struct GraphFrame {
  GraphFrame(GraphState progress, std::string node_prefix, telemetry::Context parent_span)
      : state(std::move(progress)), prefix(std::move(node_prefix)), parent(std::move(parent_span)) {}

  struct NodeEnd {
    NodeIndex node = kNone;
    NodeOutcome outcome;
    telemetry::Span span;  // ended once it is known what follows
    std::unique_ptr<PausedNode> paused;  // rare and large: every frame on the way holds a NodeEnd
    std::unique_ptr<GraphFrame> paused_frame;
    std::unique_ptr<const Error> error;  // by pointer for the same reason
    std::optional<std::size_t> block;  // index into RunState::blocked
  };

  GraphState state;
  std::string prefix;         // "outer/" for the nodes of subgraph `outer`
  telemetry::Context parent;  // the run's root span, or the subgraph node's
  std::map<NodeIndex, std::size_t> blocks;  // node → index into RunState::blocked, of its last block
  std::unique_ptr<const Error> error;       // why it failed
  std::vector<PausedNode> paused;
  std::vector<PausedSubgraph> paused_subgraphs;

  std::vector<NodeEnd> ended;  // not yet looked at
  std::size_t active = 0;     // node coroutines under way
  std::coroutine_handle<> waiter;

  [[nodiscard]] std::string path_of(NodeIndex node) const { return prefix + state.graph().nodes[node].node.id; }
  [[nodiscard]] bool is_paused() const noexcept { return !paused.empty() || !paused_subgraphs.empty(); }
};

// Begins or, where the frame has paused nodes, goes on with the graph, until it has ended or every node that is left
// waits for a person. `decision`: on the first paused node found, depth first; null where there is none.
Task<void> run_graph(std::shared_ptr<RunState> run, GraphFrame& frame, std::unique_ptr<Decision> decision);

// The first paused node, depth first; null where none waits.
[[nodiscard]] const PausedNode* first_paused(const GraphFrame& frame) noexcept;

}  // namespace meshflow::runtime
