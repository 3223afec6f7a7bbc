// Checks a workflow and compiles it, in one pass: what is wrong with it is found while its names are resolved. Private
// to graph*.cpp and workflow*.cpp.
#pragma once

#include <bitset>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/graph.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kWorkflowNodesMax = 1000;
inline constexpr std::size_t kWorkflowEdgesMax = 10'000;
inline constexpr std::size_t kWorkflowLoopsMax = 100;
inline constexpr std::size_t kNodeIdBytesMax = 128;
inline constexpr std::size_t kSubgraphDepthMax = 8;
inline constexpr int kLoopIterationsMax = 1000;
inline constexpr int kNodeRetriesMax = 100;
inline constexpr double kNodeTimeoutSecondsMax = 30.0 * 86400;
inline constexpr std::size_t kNodeHeadersMax = 100;  // of an http or mcp node; the variables of a server's environment
inline constexpr std::size_t kMcpArgumentsMax = 256;
inline constexpr std::size_t kToolServersMax = 64;
inline constexpr std::size_t kToolServerNameBytesMax = 32;  // models' services allow 64 for that and the tool's

[[nodiscard]] bool is_node_id(std::string_view id);
// Where a field's value was written, else where the node was.
[[nodiscard]] const SourcePosition& position_of(const Node& node, std::string_view field);

class GraphBuilder {
 public:
  explicit GraphBuilder(const Workflow& workflow, std::size_t depth = 1);

  // In the order of their position; those without one last, in the order found.
  [[nodiscard]] std::vector<Problem> take_problems();
  // Nothing if a problem is an error.
  [[nodiscard]] std::shared_ptr<const CompiledGraph> graph() const { return graph_; }

 private:
  using NodeSet = std::bitset<kWorkflowNodesMax>;

  void error(const SourcePosition& position, std::string message, const std::string& hint = {});
  void warning(const SourcePosition& position, std::string message);
  // The node's index; where there is none kNone, and an error that begins with `what`.
  [[nodiscard]] NodeIndex resolve(std::string_view node_id, const SourcePosition& position, std::string_view what);
  [[nodiscard]] const std::string& id_of(NodeIndex node) const { return made_->nodes[node].node.id; }

  [[nodiscard]] bool is_within_limits();
  void add_nodes();
  void check_fields(const Node& node);
  void check_unused_fields(const Node& node);
  void add_texts(CompiledNode& compiled);
  void add_http(CompiledNode& compiled);
  void add_mcp(CompiledNode& compiled);
  [[nodiscard]] HeaderTemplates headers_of(const Node& node, std::string_view field, const HeaderTexts& texts,
                                           TemplateVariables allowed);
  [[nodiscard]] Template template_of(const Node& node, std::string_view field, std::string_view what,
                                     const std::string& text, TemplateVariables allowed);
  [[nodiscard]] std::optional<JsonTemplate> json_of(const Node& node, std::string_view field, const std::string& text);
  void check_endpoint(const Node& node, const std::string& text, std::string_view authority_from);
  void check_references();
  void add_tool_servers();
  // `node "ID"`, or `tool server "NAME"`.
  [[nodiscard]] std::string named(const Node& node) const;
  void add_subgraph(CompiledNode& compiled);
  void add_edges();
  void add_edge(const CompiledEdge& edge, const Edge* written, const SourcePosition& position);
  void add_loops();
  void add_ends();
  void check_router(NodeIndex router);

  void sort_nodes();
  [[nodiscard]] std::vector<EdgeIndex> cycle_among(const std::vector<bool>& candidates) const;
  void report_cycle(std::vector<EdgeIndex> cycle);
  void find_ancestors();
  void find_bodies();
  void nest_loops();
  [[nodiscard]] bool is_inside(LoopIndex inner, LoopIndex outer) const;
  void find_reachable();
  void add_conditions();
  [[nodiscard]] std::optional<Condition> condition_of(const std::string& text, const SourcePosition& position,
                                                      const SourcePosition& fallback, NodeIndex from);
  [[nodiscard]] std::string digest() const;

  const Workflow& workflow_;
  std::size_t depth_;
  std::vector<Problem> problems_;
  bool has_errors_ = false;
  bool is_tool_server_ = false;  // what is being checked is the server of no node
  bool is_acyclic_ = true;
  std::shared_ptr<CompiledGraph> made_;
  std::shared_ptr<const CompiledGraph> graph_;
  std::map<std::string, NodeIndex, std::less<>> indices_;
  // Parallel to the compiled edges and loops.
  std::vector<const Edge*> written_edges_;  // null for on_block
  std::vector<SourcePosition> edge_positions_;
  std::vector<const Loop*> written_loops_;
  std::vector<NodeIndex> order_;  // topological
  std::vector<NodeSet> ancestors_;  // ancestors_[n][a]: there is a path from a to n; n itself included
};

}  // namespace meshflow::runtime
