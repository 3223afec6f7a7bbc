// One execution of one node: checks before, the work, gates and people after.
#pragma once

#include <memory>
#include <optional>

#include "runtime/graph_run.hpp"

namespace meshflow::runtime {

// What a node that paused goes on with.
struct NodeResume {
  std::optional<PausedNode> paused;
  std::optional<Decision> decision;  // nothing: still to be asked for
  std::optional<PausedSubgraph> subgraph;
};

// Runs `node` on its own to its end, or to a pause, which it reports to `frame`, whose waiter it wakes. The node counts
// as running in the frame's state. `resume`: null where it begins. On the strand.
Detached run_node(std::shared_ptr<RunState> run, GraphFrame& frame, NodeIndex node, std::unique_ptr<NodeResume> resume);

}  // namespace meshflow::runtime
