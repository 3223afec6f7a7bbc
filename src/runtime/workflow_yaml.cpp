// Workflow files. What a file says becomes a Workflow, with positions; what it means is checked by Workflow::check.
#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/files.hpp"
#include "base/try.hpp"
#include "meshflow/runtime/workflow.hpp"
#include "runtime/graph_build.hpp"
#include "base/nearest.hpp"
#include "runtime/policy_fields.hpp"
#include "runtime/yaml.hpp"

namespace meshflow {

using runtime::yaml::fail_at;
using runtime::yaml::Value;

namespace {

namespace yaml = runtime::yaml;

constexpr std::array<std::string_view, 9> kWorkflowKeys = {"name", "version", "policy",   "nodes",       "edges",
                                                           "loop", "entry",   "terminal", "tool_servers"};
constexpr std::array<std::string_view, 7> kToolServerKeys = {"command", "args", "env",      "url",
                                                             "headers", "risk", "timeout_s"};
constexpr std::array<std::string_view, 22> kNodeKeys = {"kind",
                                                        "role",
                                                        "agent",
                                                        "model",
                                                        "prompt",
                                                        "tools",
                                                        "tool",
                                                        "risk",
                                                        "arguments",
                                                        "timeout_s",
                                                        "retries",
                                                        "on_block",
                                                        "output_schema",
                                                        "workflow",
                                                        "method",
                                                        "url",
                                                        "headers",
                                                        "body",
                                                        "response_bytes_max",
                                                        "command",
                                                        "args",
                                                        "env"};
constexpr std::array<std::string_view, 3> kEdgeKeys = {"from", "to", "when"};
constexpr std::array<std::string_view, 4> kLoopKeys = {"from", "to", "until", "max_iterations"};
constexpr std::array<NodeKind, 7> kKinds = {NodeKind::agent,    NodeKind::tool, NodeKind::human, NodeKind::router,
                                            NodeKind::subgraph, NodeKind::http, NodeKind::mcp};
constexpr std::array<AgentRole, 6> kRoles = {AgentRole::orchestrator, AgentRole::planner, AgentRole::researcher,
                                             AgentRole::executor,     AgentRole::critic,  AgentRole::guardian};
constexpr std::array<Risk, 4> kRisks = {Risk::read_only, Risk::internal, Risk::external_io, Risk::irreversible};

template <typename Enum, std::size_t kSize>
Result<Enum> enum_of(const Value& value, const std::array<Enum, kSize>& all, std::string_view what) {
  MESHFLOW_TRY(const std::string text, yaml::text_of(value, what));
  std::vector<std::string_view> names;
  for (const auto one : all) {
    if (name_of(one) == text) return one;
    names.push_back(name_of(one));
  }
  return fail_at(value, fmt::format("{} is \"{}\"", what, utf8_prefix(text, 80)), name_hint(text, names));
}

// Where a condition's columns count from: the text itself where it stands in the file as it is.
SourcePosition condition_position(const Value& value) {
  auto position = value.text_position;
  if (!value.is_verbatim) position.column = 0;
  return position;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const auto first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

}  // namespace

// One per file: a workflow's own, and each of its subgraphs'.
class WorkflowReader {
 public:
  // `files`: the files that are being read, outermost first, to refuse one that contains itself.
  WorkflowReader(std::string file, std::string folder, std::vector<std::string> files, std::size_t depth = 1)
      : file_(std::move(file)), folder_(std::move(folder)), files_(std::move(files)), depth_(depth) {}

  static Result<Workflow> from_path(const std::string& path, std::vector<std::string> files, std::size_t depth) {
    MESHFLOW_TRY(const std::string text, system_files().read_all(path, yaml::kYamlBytesMax));
    std::error_code ignored;
    files.push_back(std::filesystem::weakly_canonical(path, ignored).string());
    const auto folder = std::filesystem::path(path).parent_path().string();
    MESHFLOW_TRY(Workflow out, WorkflowReader(path, folder, std::move(files), depth).from_text(text));
    out.source_path_ = std::filesystem::absolute(path, ignored).lexically_normal().string();
    return out;
  }

  Result<Workflow> from_text(std::string_view text) {
    MESHFLOW_TRY(const Value root, yaml::parse(text, file_));
    MESHFLOW_TRY(Workflow out, from_value(root));
    if (const auto* policy = root.find("policy")) {
      MESHFLOW_TRY(out.policy_, runtime::policy_from_value(*policy, {}));
    }
    return out;
  }

 private:
  Result<Workflow> from_value(const Value& root) {
    MESHFLOW_CHECK(yaml::check_keys(root, "the workflow", kWorkflowKeys));
    Workflow out;
    if (const auto* name = root.find("name")) {
      MESHFLOW_TRY(out.name_, yaml::text_of(*name, "name"));
    }
    if (const auto* version = root.find("version")) {
      MESHFLOW_TRY(out.version_, yaml::text_of(*version, "version"));
    }
    const auto* nodes = root.find("nodes");
    if (nodes == nullptr) return fail_at(root, "the workflow has no nodes", "nodes: {ID: {kind: agent}}");
    if (nodes->kind != Value::Kind::map || nodes->entries.empty()) {
      return fail_at(*nodes, "nodes must be a map of node ids to nodes", "nodes: {ID: {kind: agent}}");
    }
    for (const auto& entry : nodes->entries) {
      MESHFLOW_TRY(out.nodes_.emplace_back(), node_of(entry));
    }
    if (const auto* servers = root.find("tool_servers")) MESHFLOW_CHECK(tool_servers_into(out, *servers));
    if (const auto* edges = root.find("edges")) MESHFLOW_CHECK(edges_into(out, *edges));
    if (const auto* loops = root.find("loop")) MESHFLOW_CHECK(loops_into(out, *loops));
    if (const auto* entry = root.find("entry")) {
      MESHFLOW_CHECK(ids_into(out.entries_, out.entry_positions_, *entry, "entry"));
    }
    if (const auto* terminal = root.find("terminal")) {
      MESHFLOW_CHECK(ids_into(out.terminals_, out.terminal_positions_, *terminal, "terminal"));
    }
    return out;
  }

  // --- nodes ---

  Result<Node> node_of(const yaml::Entry& entry) {
    Node node;
    node.id = entry.key.scalar;
    node.position = entry.key.position;
    const auto what = fmt::format("node \"{}\"", utf8_prefix(node.id, 80));
    if (entry.value.kind == Value::Kind::null) return node;  // "planner:" alone is an agent with defaults
    MESHFLOW_CHECK(yaml::check_keys(entry.value, what, kNodeKeys));
    if (const auto* kind = entry.value.find("kind")) {
      MESHFLOW_CHECK(into(node.kind, enum_of(*kind, kKinds, fmt::format("kind of {}", what))));
    }
    for (const auto& [key, value] : entry.value.entries) {
      node.field_positions[key.scalar] = value.position;
      MESHFLOW_CHECK(field_into(node, key, value, fmt::format("{} of {}", key.scalar, what)));
    }
    return node;
  }

  Result<void> field_into(Node& node, const Value& key, const Value& value, const std::string& what) {
    const auto& name = key.scalar;
    if (name == "kind") return {};  // was read first
    if (name == "role") return into(node.role, enum_of(value, kRoles, what));
    if (name == "agent") return into(node.agent, yaml::text_of(value, what));
    if (name == "model") return into(node.model, yaml::text_of(value, what));
    if (name == "prompt") return into(node.prompt, yaml::text_of(value, what));
    if (name == "tools" || name == "tool") return tools_into(node, key, value, what);
    if (name == "risk") return into(node.risk, enum_of(value, kRisks, what));
    if (name == "arguments") return into(node.arguments, json_text_of(value));
    if (name == "timeout_s") return into(node.timeout_s, yaml::number_of(value, what));
    if (name == "retries") return retries_into(node, value, what);
    if (name == "on_block") return into(node.on_block, yaml::text_of(value, what));
    if (name == "output_schema") return into(node.output_schema, json_text_of(value));
    if (name == "workflow") return subgraph_into(node, value, what);
    return remote_field_into(node, name, value, what);
  }

  template <typename To, typename From>
  static Result<void> into(To& field, Result<From> value) {
    if (!value) return tl::unexpected(std::move(value).error());
    field = std::move(*value);
    return {};
  }

  // Fields that an http or an mcp node has; on any other node they are without effect, and Workflow::check says so.
  static Result<void> remote_field_into(Node& node, const std::string& name, const Value& value,
                                        const std::string& what) {
    if (node.kind == NodeKind::mcp) {
      McpServer& server = node.mcp ? *node.mcp : node.mcp.emplace();
      return server_field_into(server, name, value, what);
    }
    if (node.kind == NodeKind::http) {
      HttpCall& call = node.http ? *node.http : node.http.emplace();
      if (name == "method") return into(call.method, yaml::text_of(value, what));
      if (name == "url") return into(call.url, yaml::text_of(value, what));
      if (name == "headers") return into(call.headers, texts_by_name_of(value, what));
      if (name == "response_bytes_max") return into(call.response_bytes_max, yaml::integer_of(value, what));
      if (name == "body") {
        call.body_is_json = value.kind != Value::Kind::scalar;
        return into(call.body, json_text_of(value));
      }
    }
    return {};
  }

  static Result<void> server_field_into(McpServer& server, const std::string& name, const Value& value,
                                        const std::string& what) {
    if (name == "url") return into(server.url, yaml::text_of(value, what));
    if (name == "headers") return into(server.headers, texts_by_name_of(value, what));
    if (name == "command") return into(server.command, yaml::text_of(value, what));
    if (name == "args") return into(server.args, yaml::texts_of(value, what));
    if (name == "env") return into(server.environment, texts_by_name_of(value, what));
    return {};
  }

  static Result<void> tool_servers_into(Workflow& out, const Value& servers) {
    if (servers.kind != Value::Kind::map) {
      return fail_at(servers, "tool_servers must be a map of names to servers",
                     "tool_servers: {NAME: {command: PROGRAM}}");
    }
    for (const auto& entry : servers.entries) {
      const auto what = fmt::format("tool server \"{}\"", utf8_prefix(entry.key.scalar, 80));
      MESHFLOW_CHECK(yaml::check_keys(entry.value, what, kToolServerKeys));
      ToolServer& server = out.tool_servers_.emplace_back();
      server.name = entry.key.scalar;
      server.position = entry.key.position;
      for (const auto& [key, value] : entry.value.entries) {
        server.field_positions[key.scalar] = value.position;
        MESHFLOW_CHECK(tool_server_field_into(server, key.scalar, value, fmt::format("{} of {}", key.scalar, what)));
      }
    }
    return {};
  }

  static Result<void> tool_server_field_into(ToolServer& server, const std::string& name, const Value& value,
                                             const std::string& what) {
    if (name == "risk") return into(server.risk, enum_of(value, kRisks, what));
    if (name == "timeout_s") return into(server.timeout_s, yaml::number_of(value, what));
    return server_field_into(server.server, name, value, what);
  }

  static Result<HeaderTexts> texts_by_name_of(const Value& value, const std::string& what) {
    if (value.kind != Value::Kind::map) return fail_at(value, fmt::format("{} must be a map of texts", what));
    HeaderTexts texts;
    for (const auto& [key, text] : value.entries) {
      MESHFLOW_TRY(std::string written, yaml::text_of(text, fmt::format("{} in {}", key.scalar, what)));
      texts.emplace_back(key.scalar, std::move(written));
    }
    return texts;
  }

  static Result<void> tools_into(Node& node, const Value& key, const Value& value, const std::string& what) {
    if (!node.tools.empty()) return fail_at(key, fmt::format("{}: tool and tools exclude each other", what));
    node.field_positions["tools"] = value.position;
    if (key.scalar == "tools") return into(node.tools, yaml::texts_of(value, what));
    MESHFLOW_TRY(node.tools.emplace_back(), yaml::text_of(value, what));
    return {};
  }

  static Result<void> retries_into(Node& node, const Value& value, const std::string& what) {
    MESHFLOW_TRY(const std::int64_t retries, yaml::integer_of(value, what));
    if (retries < 0 || retries > runtime::kNodeRetriesMax) {
      return fail_at(value, fmt::format("{} is {}", what, retries), fmt::format("0 to {}", runtime::kNodeRetriesMax));
    }
    node.retries = static_cast<int>(retries);
    return {};
  }

  // JSON as a text, or written in YAML.
  static Result<std::string> json_text_of(const Value& value) {
    return value.kind == Value::Kind::scalar ? value.scalar : yaml::json_of(value);
  }

  Result<void> subgraph_into(Node& node, const Value& value, const std::string& what) {
    if (depth_ == runtime::kSubgraphDepthMax) {
      return fail_at(value, fmt::format("{}: subgraphs are nested deeper than {}", what, runtime::kSubgraphDepthMax));
    }
    if (value.kind == Value::Kind::map) return inline_subgraph_into(node, value);
    MESHFLOW_TRY(const std::string written, yaml::text_of(value, what));
    const auto path = (std::filesystem::path(folder_) / written).string();
    std::error_code ignored;
    const auto canonical = std::filesystem::weakly_canonical(path, ignored).string();
    if (std::ranges::find(files_, canonical) != files_.end()) {
      return fail_at(value, fmt::format("{}: {} contains itself", what, written));
    }
    auto inner = from_path(path, files_, depth_ + 1);
    if (!inner) {
      if (inner.error().position) return tl::unexpected(std::move(inner).error());
      return fail_at(value, fmt::format("{}: {}", what, inner.error().message));
    }
    node.subgraph = std::make_shared<const Workflow>(std::move(*inner));
    return {};
  }

  Result<void> inline_subgraph_into(Node& node, const Value& value) {
    if (const auto* policy = value.find("policy")) {
      return fail_at(*policy, "a subgraph inside a file has no policy of its own", "the run's policy holds");
    }
    MESHFLOW_TRY(Workflow inner, WorkflowReader(file_, folder_, files_, depth_ + 1).from_value(value));
    if (value.find("name") == nullptr) inner.name_ = node.id;
    node.subgraph = std::make_shared<const Workflow>(std::move(inner));
    return {};
  }

  // --- edges, loops, ends ---

  static Result<void> edges_into(Workflow& out, const Value& edges) {
    if (edges.kind == Value::Kind::null) return {};
    if (edges.kind != Value::Kind::sequence) {
      return fail_at(edges, "edges must be a list", "- a -> b, or - {from: a, to: b, when: CONDITION}");
    }
    for (const auto& item : edges.items) {
      if (item.kind == Value::Kind::scalar) {
        MESHFLOW_CHECK(arrows_into(out, item));
      } else {
        MESHFLOW_CHECK(edge_into(out, item));
      }
    }
    return {};
  }

  // "a -> b -> c": each step is one node or a list, "[a, b] -> c", whose members all get the edge.
  static Result<void> arrows_into(Workflow& out, const Value& item) {
    std::vector<std::vector<std::string>> steps;
    std::string_view rest = item.scalar;
    while (true) {
      const auto arrow = rest.find("->");
      MESHFLOW_TRY(steps.emplace_back(), step_of(item, trimmed(rest.substr(0, arrow))));
      if (arrow == std::string_view::npos) break;
      rest.remove_prefix(arrow + 2);
    }
    if (steps.size() < 2) {
      return fail_at(item, fmt::format("\"{}\" is no edge", utf8_prefix(item.scalar, 80)), "- a -> b");
    }
    for (std::size_t i = 1; i < steps.size(); ++i) {
      for (const auto& from : steps[i - 1]) {
        for (const auto& to : steps[i]) {
          MESHFLOW_CHECK(add_edge(out, {.from = from, .to = to, .position = item.position}, item));
        }
      }
    }
    return {};
  }

  static Result<std::vector<std::string>> step_of(const Value& item, std::string_view text) {
    std::vector<std::string> ids;
    const bool is_list = text.starts_with('[') && text.ends_with(']');
    if (is_list) text = text.substr(1, text.size() - 2);
    while (true) {
      const auto comma = is_list ? text.find(',') : std::string_view::npos;
      ids.emplace_back(trimmed(text.substr(0, comma)));
      if (ids.back().empty()) {
        return fail_at(item, fmt::format("an id is missing in \"{}\"", utf8_prefix(item.scalar, 80)), "- a -> b");
      }
      if (comma == std::string_view::npos) return ids;
      text.remove_prefix(comma + 1);
    }
  }

  static Result<void> edge_into(Workflow& out, const Value& item) {
    MESHFLOW_CHECK(yaml::check_keys(item, "an edge", kEdgeKeys));
    Edge edge;
    edge.position = item.position;
    if (const auto* when = item.find("when")) {
      MESHFLOW_TRY(edge.when, yaml::text_of(*when, "when"));
      edge.when_position = condition_position(*when);
    }
    const auto* from = item.find("from");
    const auto* to = item.find("to");
    if (from == nullptr || to == nullptr) return fail_at(item, "an edge needs from and to", "{from: a, to: b}");
    MESHFLOW_TRY(const std::vector<std::string> sources, yaml::texts_of(*from, "from"));
    MESHFLOW_TRY(const std::vector<std::string> targets, yaml::texts_of(*to, "to"));
    for (const auto& source : sources) {
      for (const auto& target : targets) {
        edge.from = source;
        edge.to = target;
        MESHFLOW_CHECK(add_edge(out, edge, item));
      }
    }
    return {};
  }

  static Result<void> add_edge(Workflow& out, Edge edge, const Value& item) {
    if (out.edges_.size() == runtime::kWorkflowEdgesMax) {
      return fail_at(item, fmt::format("the workflow has more than {} edges", runtime::kWorkflowEdgesMax));
    }
    out.edges_.push_back(std::move(edge));
    return {};
  }

  static Result<void> loops_into(Workflow& out, const Value& loops) {
    if (loops.kind == Value::Kind::map) return loop_into(out, loops);
    if (loops.kind != Value::Kind::sequence) {
      return fail_at(loops, "loop must be a map or a list of them",
                     "{from: b, to: a, until: CONDITION, max_iterations: 3}");
    }
    for (const auto& item : loops.items) MESHFLOW_CHECK(loop_into(out, item));
    return {};
  }

  static Result<void> loop_into(Workflow& out, const Value& item) {
    MESHFLOW_CHECK(yaml::check_keys(item, "a loop", kLoopKeys));
    Loop loop;
    loop.position = item.position;
    for (const auto key : {"from", "to", "max_iterations"}) {
      if (item.find(key) == nullptr) {
        return fail_at(item, fmt::format("a loop needs {}", key),
                       "{from: b, to: a, until: CONDITION, max_iterations: 3}");
      }
    }
    MESHFLOW_TRY(loop.from, yaml::text_of(*item.find("from"), "from"));
    MESHFLOW_TRY(loop.to, yaml::text_of(*item.find("to"), "to"));
    const auto& passes = *item.find("max_iterations");
    MESHFLOW_TRY(const std::int64_t count, yaml::integer_of(passes, "max_iterations"));
    if (count < 1 || count > runtime::kLoopIterationsMax) {
      return fail_at(passes, fmt::format("max_iterations is {}", count),
                     fmt::format("1 to {}", runtime::kLoopIterationsMax));
    }
    loop.max_iterations = static_cast<int>(count);
    if (const auto* until = item.find("until")) {
      MESHFLOW_TRY(loop.until, yaml::text_of(*until, "until"));
      loop.until_position = condition_position(*until);
    }
    out.loops_.push_back(std::move(loop));
    return {};
  }

  static Result<void> ids_into(std::vector<std::string>& ids, std::vector<SourcePosition>& positions,
                               const Value& value, std::string_view what) {
    MESHFLOW_TRY(ids, yaml::texts_of(value, what));
    if (value.kind != Value::Kind::sequence) {
      positions.push_back(value.position);
    } else {
      for (const auto& item : value.items) positions.push_back(item.position);
    }
    return {};
  }

  std::string file_;
  std::string folder_;
  std::vector<std::string> files_;
  std::size_t depth_;
};

Result<Workflow> Workflow::from_yaml(std::string_view yaml, const std::string& file) {
  const auto folder = std::filesystem::path(file).parent_path().string();
  return WorkflowReader(file, folder, {}).from_text(yaml);
}

Result<Workflow> Workflow::from_file(const std::string& path) { return WorkflowReader::from_path(path, {}, 1); }

}  // namespace meshflow
