// The checkpoint of a run's state: JSON, so that a person can read it and an older program can refuse it.
//
//   {"format": 1, "graph": DIGEST, "task": TEXT, "stopped_by": NODE or null, "edges": "ut…", "passes": [1, …],
//    "nodes": [{"state": "ok", "output": TEXT, "uncertainty": 0.1 or null, "cost_nano_usd": 0, "tokens": 0}, …]}
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "runtime/graph.hpp"

namespace meshflow::runtime {
namespace {

namespace json = boost::json;

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kCheckpointDepthMax = 4;
constexpr std::array<std::string_view, 6> kNodeStates = {"waiting", "running", "ok", "blocked", "failed", "skipped"};
constexpr std::string_view kEdgeStates = "uhntx";  // undecided, held taken, held not taken, taken, not taken

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::invalid_input, fmt::format("the checkpoint is damaged: {}", what));
}

json::string text(std::string_view text) { return json::string(sanitize_utf8(text)); }

Result<json::object> object_of(const json::value& value, std::string_view what) {
  const auto* object = value.if_object();
  if (object == nullptr) return damaged(what);
  return *object;
}

Result<std::int64_t> integer_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_int64()) return damaged(key);
  return value->get_int64();
}

Result<std::string> text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_string()) return damaged(key);
  return std::string(value->get_string().data(), value->get_string().size());
}

Result<const json::array*> array_of(const json::object& object, std::string_view key, std::size_t size) {
  const auto* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_array() || value->get_array().size() != size) return damaged(key);
  return &value->get_array();
}

}  // namespace

class GraphState::CheckpointReader {
 public:
  explicit CheckpointReader(GraphState& state) : state_(state) {}

  Result<void> restore_edges_and_passes(const json::object& root) {
    MESHFLOW_TRY(const std::string edges, text_of(root, "edges"));
    if (edges.size() != state_.edges_.size()) return damaged("edges");
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const auto state = kEdgeStates.find(edges[i]);
      if (state == std::string_view::npos) return damaged("edges");
      state_.edges_[i] = static_cast<EdgeState>(state);
    }
    MESHFLOW_TRY(const json::array* passes, array_of(root, "passes", state_.passes_.size()));
    for (std::size_t i = 0; i < state_.passes_.size(); ++i) {
      const auto* pass = (*passes)[i].if_int64();
      if (pass == nullptr || *pass < 1 || *pass > state_.graph_->loops[i].max_iterations) return damaged("passes");
      state_.passes_[i] = static_cast<int>(*pass);
    }
    const auto* stopped_by = root.if_contains("stopped_by");
    if (stopped_by == nullptr) return damaged("stopped_by");
    if (stopped_by->is_null()) return {};
    const auto* node = stopped_by->if_int64();
    if (node == nullptr || *node < 0 || *node >= static_cast<std::int64_t>(state_.nodes_.size()))
      return damaged("stopped_by");
    state_.stopped_by_ = static_cast<NodeIndex>(*node);
    return {};
  }

  Result<void> restore_nodes(const json::object& root) {
    MESHFLOW_TRY(const json::array* nodes, array_of(root, "nodes", state_.nodes_.size()));
    for (NodeIndex i = 0; i < state_.nodes_.size(); ++i) {
      auto& record = state_.nodes_[i];
      MESHFLOW_TRY(const json::object node, object_of((*nodes)[i], "nodes"));
      MESHFLOW_TRY(const std::string state, text_of(node, "state"));
      const auto known = std::ranges::find(kNodeStates, state);
      if (known == kNodeStates.end()) return damaged("state");
      record.state = static_cast<NodeState>(known - kNodeStates.begin());
      MESHFLOW_TRY(record.output, text_of(node, "output"));
      MESHFLOW_TRY(record.cost_nano_usd, integer_of(node, "cost_nano_usd"));
      MESHFLOW_TRY(record.tokens, integer_of(node, "tokens"));
      const auto* uncertainty = node.if_contains("uncertainty");
      if (uncertainty == nullptr || (!uncertainty->is_null() && !uncertainty->is_number()))
        return damaged("uncertainty");
      record.has_uncertainty = uncertainty->is_number();
      if (record.has_uncertainty) record.uncertainty = uncertainty->to_number<double>();
      state_.count_incoming(i);
      if (record.state == NodeState::running) ++state_.running_;
      // Nothing would ever decide it: such a state cannot have been written.
      const bool is_stuck = record.state == NodeState::waiting && record.undecided == 0;
      if (is_stuck && state_.stopped_by_ == kNone) return damaged("a node waits for nothing");
    }
    return {};
  }

 private:
  GraphState& state_;
};

std::string GraphState::serialize() const {
  json::array nodes;
  for (const auto& record : nodes_) {
    const auto state = kNodeStates.at(static_cast<std::size_t>(record.state));
    nodes.push_back(
        json::object{{"state", json::string_view(state.data(), state.size())},
                     {"output", text(record.output)},
                     {"uncertainty", record.has_uncertainty ? json::value(record.uncertainty) : json::value(nullptr)},
                     {"cost_nano_usd", record.cost_nano_usd},
                     {"tokens", record.tokens}});
  }
  json::string edges;
  for (const auto edge : edges_) edges.push_back(kEdgeStates[static_cast<std::size_t>(edge)]);
  json::array passes(passes_.begin(), passes_.end());
  const json::object out{
      {"format", kFormat},
      {"graph", text(graph_->digest)},
      {"task", text(task_)},
      {"stopped_by", stopped_by_ == kNone ? json::value(nullptr) : json::value(std::int64_t{stopped_by_})},
      {"edges", std::move(edges)},
      {"passes", std::move(passes)},
      {"nodes", std::move(nodes)}};
  return json::serialize(out);
}

Result<GraphState> GraphState::deserialize(std::shared_ptr<const CompiledGraph> graph, std::string_view text) {
  json::parse_options options;
  options.max_depth = kCheckpointDepthMax;
  json::error_code failure;
  const auto parsed = json::parse(json::string_view(text.data(), text.size()), failure, {}, options);
  if (failure) return damaged(failure.message());
  MESHFLOW_TRY(const json::object root, object_of(parsed, "it is no object"));
  MESHFLOW_TRY(const std::int64_t format, integer_of(root, "format"));
  if (format != kFormat) {
    return fail(ErrorCode::unsupported, fmt::format("the checkpoint has format {}, not {}", format, kFormat));
  }
  MESHFLOW_TRY(const std::string digest, text_of(root, "graph"));
  if (digest != graph->digest) {
    return fail(ErrorCode::invalid_input,
                fmt::format("the checkpoint is of another workflow than \"{}\" as it is now", graph->name),
                "continue with the workflow that the run began with");
  }
  MESHFLOW_TRY(std::string task, text_of(root, "task"));
  GraphState out(std::move(graph), std::move(task));
  CheckpointReader reader(out);
  MESHFLOW_CHECK(reader.restore_edges_and_passes(root));
  MESHFLOW_CHECK(reader.restore_nodes(root));
  out.started_ = true;
  return out;
}

}  // namespace meshflow::runtime
