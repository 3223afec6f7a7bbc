// A workflow made ready to run: indices instead of names, conditions parsed, loops resolved; and the state of one
// execution of it. Pure logic, deterministic, without threads, time or spans. docs/workflows.md tells the rules.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/workflow.hpp"
#include "runtime/condition.hpp"
#include "runtime/schema.hpp"
#include "runtime/template.hpp"

namespace meshflow::runtime {

using NodeIndex = std::uint32_t;
using EdgeIndex = std::uint32_t;
using LoopIndex = std::uint32_t;
inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

enum class EdgeKind : std::uint8_t { normal, on_block };

struct CompiledEdge {
  NodeIndex from = kNone;
  NodeIndex to = kNone;
  EdgeKind kind = EdgeKind::normal;
  // The outermost loop that the edge leads out of: it is decided when that loop is left. kNone: at once.
  LoopIndex leaves = kNone;
  std::optional<Condition> when = std::nullopt;  // nothing: always
};

struct CompiledLoop {
  NodeIndex from = kNone;
  NodeIndex to = kNone;
  std::optional<Condition> until = std::nullopt;  // nothing: all passes are made
  int max_iterations = 1;
  std::vector<NodeIndex> body;     // the nodes on paths to → … → from, both included
  std::vector<LoopIndex> inner;    // loops inside this one, begun anew with each pass
  std::vector<EdgeIndex> exits;    // edges whose `leaves` is this loop
};

struct CompiledGraph;

using HeaderTemplates = std::vector<std::pair<std::string, Template>>;

// What an http node sends, its texts parsed.
struct CompiledHttp {
  std::string method;
  Template url;
  HeaderTemplates headers;
  std::variant<std::monostate, Template, JsonTemplate> body;
  std::size_t response_bytes_max = 0;
};

// The server of an mcp node, its texts parsed.
struct CompiledMcp {
  std::string command;
  std::vector<std::string> args;
  HeaderTemplates environment;
  std::string url;
  HeaderTemplates headers;
};

// A server whose tools agents may use.
struct CompiledToolServer {
  std::string name;
  CompiledMcp server;
  Risk risk = Risk::external_io;
  double timeout_s = 0;
};
using ToolServers = std::vector<CompiledToolServer>;

// Between a server's name and its tool's, in the name that models know the tool by.
inline constexpr std::string_view kToolServerBorder = "__";

struct CompiledNode {
  Node node;                        // as it was written
  std::optional<OutputSchema> output_schema;
  std::optional<JsonTemplate> arguments;  // nothing: {"input": INPUT}
  std::variant<std::monostate, CompiledHttp, CompiledMcp> remote;
  std::vector<EdgeIndex> incoming;  // in the order written, on_block edges last
  std::vector<EdgeIndex> outgoing;
  std::vector<LoopIndex> loops;     // that end here, innermost first
  LoopIndex innermost = kNone;      // loop around it
  bool is_entry = false;
  bool is_terminal = false;
  std::shared_ptr<const CompiledGraph> subgraph;  // of a subgraph node; shared with the states that run it
};

// Never changes once made; shared by the states of all its runs.
struct CompiledGraph {
  std::string name;
  std::string version;
  std::vector<CompiledNode> nodes;  // in the order written
  std::vector<CompiledEdge> edges;
  std::vector<CompiledLoop> loops;
  std::shared_ptr<const ToolServers> tool_servers;  // shared with calls, which may outlive a run; null: none
  std::string digest;  // SHA-256, hex, of all that decides how work flows: a checkpoint fits only the same graph

  [[nodiscard]] std::optional<NodeIndex> find(std::string_view node_id) const noexcept;
};

// Fails with the first error of `workflow.check()`.
[[nodiscard]] Result<std::shared_ptr<const CompiledGraph>> compile(const Workflow& workflow);

// How a node ended.
struct NodeOutcome {
  enum class Ended : std::uint8_t { ok, blocked, failed };
  Ended ended = Ended::ok;
  // What the node's followers get as input. Of a blocked node: what its on_block follower is to see; conditions never
  // see it.
  std::string output = {};
  std::optional<double> uncertainty = std::nullopt;
  std::int64_t cost_nano_usd = 0;
  std::int64_t tokens = 0;
};

// One execution of a graph. The owner runs the nodes that `start` and `node_ended` return, and reports each one's end.
// One thread at a time. Movable, not copied. The spans returned are valid until the next call of start or node_ended.
class GraphState {
 public:
  enum class NodeState : std::uint8_t { waiting, running, ok, blocked, failed, skipped };
  enum class Progress : std::uint8_t {
    running,
    completed,
    aborted,  // a node was blocked and nothing followed
    failed,  // a node failed
  };

  GraphState(std::shared_ptr<const CompiledGraph> graph, std::string task);
  GraphState(GraphState&&) noexcept = default;
  GraphState& operator=(GraphState&&) noexcept = default;
  GraphState(const GraphState&) = delete;
  GraphState& operator=(const GraphState&) = delete;
  ~GraphState() = default;

  // The nodes to begin with, in the order written. Once, on a new state.
  [[nodiscard]] std::span<const NodeIndex> start();
  // Records the end of a running node and returns those that are now ready, in the order of the edges that lead to
  // them; they count as running from now on. After an unhandled block or a failure nothing becomes ready any more.
  [[nodiscard]] std::span<const NodeIndex> node_ended(NodeIndex node, NodeOutcome outcome);
  // The nodes that the last call of start or node_ended found not to run (in this pass, for nodes in loops).
  [[nodiscard]] std::span<const NodeIndex> skipped() const noexcept { return skipped_; }

  // Nothing runs any more. After an unhandled block or a failure, nodes that were running must still be reported first.
  [[nodiscard]] bool finished() const noexcept { return started_ && running_ == 0; }
  // `completed` only when finished; `aborted` and `failed` as soon as it is so, so that the owner can cancel the rest.
  [[nodiscard]] Progress progress() const noexcept;
  // The node that aborted or failed the run.
  [[nodiscard]] std::optional<NodeIndex> stopped_by() const noexcept;

  [[nodiscard]] const CompiledGraph& graph() const noexcept { return *graph_; }
  [[nodiscard]] const std::string& task() const noexcept { return task_; }
  [[nodiscard]] NodeState state_of(NodeIndex node) const noexcept { return nodes_[node].state; }
  // Running nodes in the order written: after `deserialize`, those that the earlier process had not finished.
  [[nodiscard]] std::vector<NodeIndex> waiting() const;
  // The pass of the innermost loop around the node, from 1; 1 outside loops.
  [[nodiscard]] int iteration(NodeIndex node) const noexcept;
  // What a node gave that ended well in the current pass; nothing otherwise.
  [[nodiscard]] std::optional<std::string_view> output_of(NodeIndex node) const noexcept;
  // The outputs of the terminal nodes that ended well, joined like an input.
  [[nodiscard]] std::string output() const;
  // What a node is given: the run's task for an entry, else the outputs of the predecessors whose edges were taken. One
  // as it is; several as sections "## NODE" in the order of the edges. Going round a loop its first node also gets, as
  // sections, what it and the loop's last node gave in the pass before.
  [[nodiscard]] std::string input_of(NodeIndex node) const;
  // Where work went after an ended node: a router's choice, what follows a block. Nodes, in the order of the edges.
  [[nodiscard]] std::vector<NodeIndex> followers_of(NodeIndex node) const;
  // followers_of, as ids joined by ", ".
  [[nodiscard]] std::string route_of(NodeIndex node) const;
  // The blocked predecessors that this node follows: its span links to theirs.
  [[nodiscard]] std::vector<NodeIndex> blocked_before(NodeIndex node) const;

  // A JSON text from which another process continues. Fits only a graph with the same digest.
  [[nodiscard]] std::string serialize() const;
  // Damaged text, or one of another graph, is invalid_input that says which. The input is trusted no further.
  [[nodiscard]] static Result<GraphState> deserialize(std::shared_ptr<const CompiledGraph> graph,
                                                      std::string_view json);

 private:
  enum class EdgeState : std::uint8_t { undecided, held_taken, held_not_taken, taken, not_taken };
  struct NodeRecord {
    NodeState state = NodeState::waiting;
    bool has_uncertainty = false;
    std::uint32_t undecided = 0;  // incoming edges
    std::uint32_t taken = 0;
    double uncertainty = 0;
    std::int64_t cost_nano_usd = 0;
    std::int64_t tokens = 0;
    std::string output;  // kept through a loop's reset, for the input of the next pass
  };
  class Scope;
  class CheckpointReader;

  void begin(NodeIndex node);
  void skip(NodeIndex node);
  [[nodiscard]] bool wants(const CompiledEdge& edge) const;
  [[nodiscard]] bool wants_another_pass(LoopIndex loop) const;
  void decide_outgoing(NodeIndex node);
  void decide_route(NodeIndex router);
  void decide(EdgeIndex edge, bool taken);
  void arrive(EdgeIndex edge, bool taken);
  void leave_loops_of(NodeIndex from);
  void repeat(LoopIndex loop);
  void settle_skipped(std::size_t first);
  void count_incoming(NodeIndex node);

  std::shared_ptr<const CompiledGraph> graph_;  // shared: many states, and the owner, use one graph
  std::string task_;
  std::vector<NodeRecord> nodes_;
  std::vector<EdgeState> edges_;
  std::vector<int> passes_;  // by loop, from 1
  std::vector<NodeIndex> ready_;
  std::vector<NodeIndex> skipped_;
  std::uint32_t running_ = 0;
  NodeIndex stopped_by_ = kNone;
  bool started_ = false;
};

}  // namespace meshflow::runtime
