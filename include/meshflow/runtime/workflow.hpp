// Which nodes a run has and how work flows between them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/agent.hpp"
#include "meshflow/runtime/policy.hpp"

namespace meshflow {

class Workflow;

enum class NodeKind { agent, tool, human, router, subgraph, http, mcp };
[[nodiscard]] std::string_view name_of(NodeKind kind) noexcept;
[[nodiscard]] std::optional<NodeKind> node_kind_from(std::string_view name) noexcept;

using HeaderTexts = std::vector<std::pair<std::string, std::string>>;

// What an http node sends. Its texts are templates: docs/workflows.md, "Templates".
struct HttpCall {
  std::string method = {};  // empty: POST where there is a body, else GET
  std::string url = {};     // http or https; no template before its path
  HeaderTexts headers = {};
  std::string body = {};
  bool body_is_json = false;  // templates are filled into its strings; sent as application/json
  std::int64_t response_bytes_max = std::int64_t{4} << 20;  // a larger answer is an error
};

// A server of the Model Context Protocol, of an mcp node or for agents: a program to start, or a URL.
struct McpServer {
  std::string command = {};  // found along PATH; it gets PATH, HOME and the like of the environment, and `environment`
  std::vector<std::string> args = {};
  HeaderTexts environment = {};  // names and values
  std::string url = {};  // of its endpoint, in place of a command (transport "Streamable HTTP")
  HeaderTexts headers = {};
};

// A server whose tools agents may use. Among an agent's tools, `NAME` stands for all of them and `NAME__TOOL` for one;
// models know each by the latter. Its texts may have templates of the environment: `{{ env.TOKEN }}`.
struct ToolServer {
  std::string name;  // a letter, then letters, digits, _ and -, without "__"
  McpServer server = {};
  Risk risk = Risk::external_io;  // of each of its tools
  double timeout_s = 0;  // of one call; 0: the policy's step_timeout_s; where that is 0 too, a minute
  SourcePosition position = {};
  std::map<std::string, SourcePosition, std::less<>> field_positions = {};  // as of a Node
};

struct Node {
  std::string id;
  NodeKind kind = NodeKind::agent;
  AgentRole role = AgentRole::executor;
  std::string agent = {};  // a registered agent; empty: one made from role, model, prompt and tools
  std::string model = {};
  std::string prompt = {};  // for a human node: what the person is asked
  std::vector<std::string> tools =
      {};  // what the agent may call: tools and tool servers; the single tool of a tool or an mcp node
  std::string arguments = {};  // of a tool or an mcp node: JSON with templates; empty: {"input": INPUT}
  std::optional<Risk> risk = std::nullopt;  // default: its tools' highest; external_io for http and mcp
  double timeout_s = 0;  // 0: the policy's step_timeout_s; where that is 0 too, a minute for http and mcp
  std::optional<int> retries = std::nullopt;  // further tries of the whole node after a failure; default: none
  std::string on_block = {};  // the node that follows a block; empty: the run ends aborted
  std::string output_schema = {};  // JSON Schema that the output must meet
  std::shared_ptr<const Workflow> subgraph = {};
  std::optional<HttpCall> http = std::nullopt;  // of an http node
  std::optional<McpServer> mcp = std::nullopt;  // of an mcp node
  SourcePosition position = {};  // where it was written, for messages
  // Where the values of its fields were written, by the field's name; empty when built in code.
  std::map<std::string, SourcePosition, std::less<>> field_positions = {};
};

// Taken when `from` has ended well and `when` (empty: always) holds. See docs/workflows.md for the language.
struct Edge {
  std::string from;
  std::string to;
  std::string when = {};
  SourcePosition position = {};
  SourcePosition when_position = {};  // of the condition's first character
};

// After `from`, goes back to `to` until `until` holds, at most `max_iterations` times (passes, the first one included).
struct Loop {
  std::string from;
  std::string to;
  std::string until = {};
  int max_iterations = 0;
  SourcePosition position = {};
  SourcePosition until_position = {};
};

struct Problem {
  enum class Severity { error, warning };
  Severity severity = Severity::error;
  std::string message;
  SourcePosition position;
  // "file:line:column: error: message"
  [[nodiscard]] std::string text() const;
};

// A value: build it up, then run it. Nothing is checked before `check`, which `Mesh::run` calls too.
// A node runs when each of its incoming edges is decided and at least one is taken; a node none of whose edges is taken
// is skipped, and so on down. Nodes that can run at the same time do.
class Workflow {
 public:
  Workflow() = default;
  explicit Workflow(std::string name, std::string version = "1")
      : name_(std::move(name)), version_(std::move(version)) {}

  // From a YAML file or text; errors carry file, line and column. Subgraphs named by path are read from beside it.
  [[nodiscard]] static Result<Workflow> from_file(const std::string& path);
  [[nodiscard]] static Result<Workflow> from_yaml(std::string_view yaml, const std::string& file = "workflow");
  // planner → researcher → executor → critic; a critic whose answer begins with "REVISE" sends the work back to the
  // executor at most `max_replans` times. The run's output is the executor's.
  [[nodiscard]] static Workflow default_team(int max_replans);

  Workflow& node(Node node);
  Workflow& edge(std::string from, std::string to, std::string when = {});
  Workflow& loop(Loop loop);
  Workflow& entry(std::string node_id);
  // May be called several times: the outputs of these nodes are the run's output. Default: nodes without successors.
  Workflow& terminal(std::string node_id);
  Workflow& policy(Policy policy);
  // For the agents of this workflow, not for those of its subgraphs.
  Workflow& tool_server(ToolServer server);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& version() const noexcept { return version_; }
  [[nodiscard]] const std::vector<Node>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] const std::vector<Edge>& edges() const noexcept { return edges_; }
  [[nodiscard]] const std::vector<ToolServer>& tool_servers() const noexcept { return tool_servers_; }
  [[nodiscard]] const std::vector<Loop>& loops() const noexcept { return loops_; }
  [[nodiscard]] const std::vector<std::string>& entries() const noexcept { return entries_; }
  [[nodiscard]] const std::vector<std::string>& terminals() const noexcept { return terminals_; }
  // Where they were written, in the same order; empty when built in code.
  [[nodiscard]] const std::vector<SourcePosition>& entry_positions() const noexcept { return entry_positions_; }
  [[nodiscard]] const std::vector<SourcePosition>& terminal_positions() const noexcept { return terminal_positions_; }
  // What the file's `policy` map said, over the defaults; empty if it had none.
  [[nodiscard]] const std::optional<Policy>& policy() const noexcept { return policy_; }
  [[nodiscard]] const Node* find(std::string_view node_id) const noexcept;
  // The absolute path of the file it was read from, so that another process can continue a paused run; empty when built
  // in code.
  [[nodiscard]] const std::string& source_path() const noexcept { return source_path_; }

  // What keeps it from running (errors: duplicate and unknown ids, cycles without a bound, a missing entry, bad
  // conditions and schemas, …) and what is probably not meant (warnings: unreachable nodes, fields without effect, …).
  // In the order of their position. Whether agents and tools are registered only a Mesh can tell.
  [[nodiscard]] std::vector<Problem> check() const;

 private:
  friend class WorkflowReader;
  std::string name_ = "workflow";
  std::string version_ = "1";
  std::string source_path_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<Loop> loops_;
  std::vector<std::string> entries_;
  std::vector<std::string> terminals_;
  std::vector<SourcePosition> entry_positions_;
  std::vector<SourcePosition> terminal_positions_;
  std::optional<Policy> policy_;
  std::vector<ToolServer> tool_servers_;
};

}  // namespace meshflow
