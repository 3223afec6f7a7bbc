#include "runtime/checkpoint.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>

#include "base/try.hpp"

namespace meshflow::runtime {
namespace {

namespace json = boost::json;

// Nested subgraphs add three levels each.
constexpr std::size_t kCheckpointDepthMax = 128;

// Reads typed members; the first that is missing or of another type is remembered, and all later ones are empty.
class Reader {
 public:
  [[nodiscard]] const json::object& object(const json::value& value) {
    if (value.is_object()) return value.get_object();
    fail_at("object");
    return empty_object_;
  }
  [[nodiscard]] const json::array& array(const json::object& from, std::string_view key) {
    const json::value* found = from.if_contains(key);
    if (found != nullptr && found->is_array()) return found->get_array();
    fail_at(key);
    return empty_array_;
  }
  [[nodiscard]] const json::object& object(const json::object& from, std::string_view key) {
    const json::value* found = from.if_contains(key);
    if (found != nullptr && found->is_object()) return found->get_object();
    fail_at(key);
    return empty_object_;
  }
  [[nodiscard]] std::string text(const json::object& from, std::string_view key) {
    const json::value* found = from.if_contains(key);
    if (found != nullptr && found->is_string()) return std::string(found->get_string());
    fail_at(key);
    return {};
  }
  [[nodiscard]] std::int64_t integer(const json::object& from, std::string_view key) {
    const json::value* found = from.if_contains(key);
    if (found != nullptr && found->is_int64()) return found->get_int64();
    fail_at(key);
    return 0;
  }
  [[nodiscard]] telemetry::SpanId span_id(const json::object& from, std::string_view key) {
    const auto id = telemetry::SpanId::parse(text(from, key));
    if (!id) fail_at(key);
    return id.value_or(telemetry::SpanId{});
  }
  [[nodiscard]] Result<void> status() const {
    if (failed_.empty()) return {};
    return fail(ErrorCode::invalid_input, fmt::format("the checkpoint is damaged at \"{}\"", failed_));
  }

 private:
  void fail_at(std::string_view key) {
    if (failed_.empty()) failed_ = key;
  }
  std::string failed_;
  const json::object empty_object_;
  const json::array empty_array_;
};

json::object usage_json(const Usage& usage) {
  return {{"input", usage.tokens.input},
          {"output", usage.tokens.output},
          {"cached", usage.tokens.cached},
          {"cache_written", usage.tokens.cache_written},
          {"cost_nano_usd", usage.cost_nano_usd},
          {"carbon_ng", usage.carbon.nanograms},
          {"carbon_low_ng", usage.carbon.low_nanograms},
          {"carbon_high_ng", usage.carbon.high_nanograms},
          {"model_calls", usage.model_calls}};
}

Usage read_usage(Reader& reader, const json::object& from) {
  Usage usage;
  usage.tokens = {reader.integer(from, "input"), reader.integer(from, "output"), reader.integer(from, "cached"),
                  reader.integer(from, "cache_written")};
  usage.cost_nano_usd = reader.integer(from, "cost_nano_usd");
  usage.carbon = {reader.integer(from, "carbon_ng"), reader.integer(from, "carbon_low_ng"),
                  reader.integer(from, "carbon_high_ng")};
  usage.model_calls = reader.integer(from, "model_calls");
  return usage;
}

json::object span_json(const SpanIdentity& span) {
  return {{"span_id", span.span_id.hex()}, {"start_unix_nanos", span.start_unix_nanos}};
}

SpanIdentity read_span(Reader& reader, const json::object& from) {
  return {reader.span_id(from, "span_id"), reader.integer(from, "start_unix_nanos")};
}

struct FieldToJson {
  json::value operator()(bool value) const { return value; }
  json::value operator()(std::int64_t value) const { return value; }
  json::value operator()(double value) const { return value; }
  json::value operator()(const std::string& value) const { return json::string(value); }
  json::value operator()(const std::vector<std::string>& value) const { return json::value_from(value); }
  json::value operator()(const std::map<std::string, std::string>& value) const { return json::value_from(value); }
};

std::optional<FieldValue> field_from_json(const json::value& value) {
  if (value.is_bool()) return FieldValue(value.get_bool());
  if (value.is_int64()) return FieldValue(value.get_int64());
  if (value.is_double()) return FieldValue(value.get_double());
  if (value.is_string()) return FieldValue(std::string(value.get_string()));
  if (value.is_array()) {
    std::vector<std::string> texts;
    for (const json::value& one : value.get_array()) {
      if (!one.is_string()) return std::nullopt;
      texts.emplace_back(one.get_string());
    }
    return FieldValue(std::move(texts));
  }
  if (value.is_object()) {
    std::map<std::string, std::string> entries;
    for (const auto& [key, one] : value.get_object()) {
      if (!one.is_string()) return std::nullopt;
      entries.emplace(key, one.get_string());
    }
    return FieldValue(std::move(entries));
  }
  return std::nullopt;
}

json::object policy_json(const Policy& policy) {
  json::object fields;
  for (const std::string& name : field_names()) {
    const auto value = field_value(policy, name);
    if (value && *value) fields[name] = std::visit(FieldToJson{}, **value);
  }
  return fields;
}

json::array figures_json(const std::vector<AgentFigures>& figures) {
  json::array out;
  for (const AgentFigures& one : figures) {
    out.push_back(json::object{{"agent_id", one.agent_id},
                               {"node_id", one.node_id},
                               {"role", name_of(one.role)},
                               {"executions", one.executions},
                               {"usage", usage_json(one.usage)}});
  }
  return out;
}

json::array blocked_json(const std::vector<BlockRecord>& blocked) {
  json::array out;
  for (const BlockRecord& one : blocked) {
    out.push_back(json::object{{"node_id", one.what.node_id},
                               {"agent_id", one.what.agent_id},
                               {"role", one.what.role},
                               {"gate", one.what.gate},
                               {"rule_id", one.what.rule_id},
                               {"reason", one.what.reason},
                               {"span_id", one.what.span_id},
                               {"followed_by", one.what.followed_by}});
  }
  return out;
}

json::object spans_json(const RunSpans::Counts& counts) {
  json::object out;
  for (const auto& [name, count] : counts) out[name] = count;
  return out;
}

json::object request_json(const PendingRequest& request) {
  return {{"node_id", request.node_id},
          {"reason", request.reason},
          {"prompt", request.prompt},
          {"content_digest", request.content_digest},
          {"since_unix_nanos", request.since_unix_nanos},
          {"expires_unix_nanos", request.expires_unix_nanos},
          {"span_id", request.span_id},
          {"role", request.role},
          {"risk", request.risk},
          {"rule_id", request.rule_id},
          {"threshold", request.threshold},
          {"value", request.value}};
}

json::object paused_json(const PausedNode& paused) {
  json::object outcome{{"output", paused.outcome.output},
                       {"cost_nano_usd", paused.outcome.cost_nano_usd},
                       {"tokens", paused.outcome.tokens}};
  if (paused.outcome.uncertainty) outcome["uncertainty"] = *paused.outcome.uncertainty;
  return {{"node", paused.node},
          {"after_work", paused.phase == PausedNode::Phase::after_work},
          {"span", span_json(paused.span)},
          {"rule_id", paused.asked.rule_id},
          {"reason", paused.asked.reason},
          {"pending_gate", paused.pending_gate.hex()},
          {"request", request_json(paused.request)},
          {"outcome", std::move(outcome)}};
}

PendingRequest read_request(Reader& reader, const json::object& from, std::string_view run_id) {
  PendingRequest request;
  request.run_id = run_id;
  request.node_id = reader.text(from, "node_id");
  request.reason = reader.text(from, "reason");
  request.prompt = reader.text(from, "prompt");
  request.content_digest = reader.text(from, "content_digest");
  request.since_unix_nanos = reader.integer(from, "since_unix_nanos");
  request.expires_unix_nanos = reader.integer(from, "expires_unix_nanos");
  if (!from.contains("span_id")) return request;  // written by an older MeshFlow
  request.span_id = reader.text(from, "span_id");
  request.role = reader.text(from, "role");
  request.risk = reader.text(from, "risk");
  request.rule_id = reader.text(from, "rule_id");
  request.threshold = reader.text(from, "threshold");
  request.value = reader.text(from, "value");
  return request;
}

PausedNode read_paused(Reader& reader, const json::object& from, std::string_view run_id) {
  PausedNode paused;
  paused.node = static_cast<NodeIndex>(reader.integer(from, "node"));
  const json::value* after = from.if_contains("after_work");
  paused.phase = after != nullptr && after->is_bool() && after->get_bool() ? PausedNode::Phase::after_work
                                                                           : PausedNode::Phase::before_work;
  paused.span = read_span(reader, reader.object(from, "span"));
  paused.asked.gate = "human";
  paused.asked.result = GateResult::pending;
  paused.asked.rule_id = reader.text(from, "rule_id");
  paused.asked.reason = reader.text(from, "reason");
  paused.pending_gate = reader.span_id(from, "pending_gate");
  const json::object& request = reader.object(from, "request");
  paused.request = read_request(reader, request, run_id);
  const json::object& outcome = reader.object(from, "outcome");
  paused.outcome.output = reader.text(outcome, "output");
  paused.outcome.cost_nano_usd = reader.integer(outcome, "cost_nano_usd");
  paused.outcome.tokens = reader.integer(outcome, "tokens");
  if (const json::value* uncertainty = outcome.if_contains("uncertainty");
      uncertainty != nullptr && uncertainty->is_number()) {
    paused.outcome.uncertainty = uncertainty->to_number<double>();
  }
  return paused;
}

json::object frame_json(const GraphFrame& frame) {
  json::array paused;
  for (const PausedNode& node : frame.paused) paused.push_back(paused_json(node));
  json::array subgraphs;
  for (const PausedSubgraph& subgraph : frame.paused_subgraphs) {
    subgraphs.push_back(json::object{
        {"node", subgraph.node}, {"span", span_json(subgraph.span)}, {"frame", frame_json(*subgraph.frame)}});
  }
  json::array blocks;
  for (const auto& [node, block] : frame.blocks) {
    blocks.push_back(json::object{{"node", node}, {"block", static_cast<std::int64_t>(block)}});
  }
  return {{"state", frame.state.serialize()},
          {"paused", std::move(paused)},
          {"subgraphs", std::move(subgraphs)},
          {"blocks", std::move(blocks)}};
}

Result<std::unique_ptr<GraphFrame>> read_frame(const json::object& from, std::shared_ptr<const CompiledGraph> graph,
                                               std::string prefix, const telemetry::Context& parent,
                                               std::string_view run_id) {
  Reader reader;
  const std::string state_text = reader.text(from, "state");
  MESHFLOW_CHECK(reader.status());
  MESHFLOW_TRY(auto state, GraphState::deserialize(graph, state_text));
  auto frame = std::make_unique<GraphFrame>(std::move(state), std::move(prefix), parent);
  const auto is_node = [&](std::int64_t index) {
    return index >= 0 && index < static_cast<std::int64_t>(graph->nodes.size());
  };
  for (const json::value& one : reader.array(from, "paused")) {
    frame->paused.push_back(read_paused(reader, reader.object(one), run_id));
    if (!is_node(frame->paused.back().node))
      return fail(ErrorCode::invalid_input, "the checkpoint names a node that the workflow does not have");
  }
  for (const json::value& one : reader.array(from, "blocks")) {
    const json::object& entry = reader.object(one);
    frame->blocks[static_cast<NodeIndex>(reader.integer(entry, "node"))] =
        static_cast<std::size_t>(reader.integer(entry, "block"));
  }
  for (const json::value& one : reader.array(from, "subgraphs")) {
    const json::object& entry = reader.object(one);
    PausedSubgraph subgraph;
    const std::int64_t index = reader.integer(entry, "node");
    if (!is_node(index) || !graph->nodes[static_cast<std::size_t>(index)].subgraph) {
      return fail(ErrorCode::invalid_input, "the checkpoint names a subgraph that the workflow does not have");
    }
    subgraph.node = static_cast<NodeIndex>(index);
    subgraph.span = read_span(reader, reader.object(entry, "span"));
    MESHFLOW_CHECK(reader.status());
    telemetry::Context inner = parent;
    inner.span_id = subgraph.span.span_id;
    MESHFLOW_TRY(subgraph.frame, read_frame(reader.object(entry, "frame"), graph->nodes[subgraph.node].subgraph,
                                            frame->path_of(subgraph.node) + "/", inner, run_id));
    frame->paused_subgraphs.push_back(std::move(subgraph));
  }
  MESHFLOW_CHECK(reader.status());
  return frame;
}

Result<json::value> parse(std::string_view text) {
  json::parse_options options;
  options.max_depth = kCheckpointDepthMax;
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return fail(ErrorCode::invalid_input, "the checkpoint is damaged: " + error.message());
  return value;
}

Result<Policy> read_policy(const json::object& fields) {
  Policy policy;
  for (const auto& [name, value] : fields) {
    const auto held = field_from_json(value);
    if (!held) return fail(ErrorCode::invalid_input, "the checkpoint is damaged at \"policy\"");
    MESHFLOW_CHECK(set_field_value(policy, name, *held));
  }
  return policy;
}

}  // namespace

std::string write_checkpoint(const RunState& run, const GraphFrame& frame, const RunSpans::Counts& spans) {
  const BudgetTotals& budget = run.budget->totals();
  json::object head{{"version", kCheckpointVersion},
                    {"run_id", run.run_id},
                    {"task", run.task},
                    {"variant", run.variant},
                    {"conversation_id", run.conversation_id},
                    {"policy", policy_json(run.policy())},
                    {"trace_id", run.spans.trace_id()},
                    {"root", span_json({run.root.context().span_id, run.root.start_unix_nanos()})},
                    {"spent", usage_json(budget.spent)},
                    {"steps", budget.steps},
                    {"figures", figures_json(run.figures)},
                    {"blocked", blocked_json(run.blocked)},
                    {"running_nanos", run.running_nanos()},
                    {"spans", spans_json(spans)},
                    {"ledger_head", run.ledger_head},
                    {"frame", frame_json(frame)}};
  if (run.outer.is_valid()) {
    head["outer"] = json::object{{"span_id", run.outer.span_id.hex()}, {"flags", run.outer.trace_flags}};
  }
  return json::serialize(head);
}

Result<CheckpointHead> read_checkpoint_head(std::string_view text) {
  MESHFLOW_TRY(const json::value whole, parse(text));
  Reader reader;
  const json::object& from = reader.object(whole);
  if (const std::int64_t version = reader.integer(from, "version"); version > kCheckpointVersion) {
    return fail(ErrorCode::unsupported, fmt::format("the checkpoint has version {}; this MeshFlow reads up to {}",
                                                    version, kCheckpointVersion));
  }
  CheckpointHead head;
  head.run_id = reader.text(from, "run_id");
  head.task = reader.text(from, "task");
  head.variant = reader.text(from, "variant");
  head.conversation_id = reader.text(from, "conversation_id");
  MESHFLOW_TRY(head.policy, read_policy(reader.object(from, "policy")));
  head.trace_id = telemetry::TraceId::parse(reader.text(from, "trace_id")).value_or(telemetry::TraceId{});
  head.root = read_span(reader, reader.object(from, "root"));
  head.budget.spent = read_usage(reader, reader.object(from, "spent"));
  head.budget.steps = reader.integer(from, "steps");
  head.running_nanos = reader.integer(from, "running_nanos");
  for (const auto& [name, count] : reader.object(from, "spans")) {
    head.span_counts.emplace_back(name, count.is_int64() ? count.get_int64() : 0);
  }
  head.ledger_head = reader.text(from, "ledger_head");
  if (from.contains("outer")) {
    const json::object& outer = reader.object(from, "outer");
    head.outer.trace_id = head.trace_id;
    head.outer.span_id = reader.span_id(outer, "span_id");
    head.outer.trace_flags = static_cast<std::uint8_t>(reader.integer(outer, "flags"));
    head.outer.is_remote = true;
  }
  for (const json::value& one : reader.array(from, "figures")) {
    const json::object& entry = reader.object(one);
    head.figures.push_back({reader.text(entry, "agent_id"), reader.text(entry, "node_id"),
                            agent_role_from(reader.text(entry, "role")).value_or(AgentRole::executor),
                            read_usage(reader, reader.object(entry, "usage")), reader.integer(entry, "executions")});
  }
  for (const json::value& one : reader.array(from, "blocked")) {
    const json::object& entry = reader.object(one);
    BlockRecord record;
    record.what = {reader.text(entry, "node_id"), reader.text(entry, "agent_id"),   reader.text(entry, "role"),
                   reader.text(entry, "gate"),    reader.text(entry, "rule_id"),    reader.text(entry, "reason"),
                   reader.text(entry, "span_id"), reader.text(entry, "followed_by")};
    record.span.trace_id = head.trace_id;
    record.span.span_id = reader.span_id(entry, "span_id");
    head.blocked.push_back(std::move(record));
  }
  MESHFLOW_CHECK(reader.status());
  return head;
}

Result<std::unique_ptr<GraphFrame>> read_checkpoint_frame(std::string_view text,
                                                          std::shared_ptr<const CompiledGraph> graph,
                                                          const telemetry::Context& root) {
  MESHFLOW_TRY(const json::value whole, parse(text));
  Reader reader;
  const json::object& from = reader.object(whole);
  const std::string run_id = reader.text(from, "run_id");
  const json::object& frame = reader.object(from, "frame");
  MESHFLOW_CHECK(reader.status());
  return read_frame(frame, std::move(graph), {}, root, run_id);
}

}  // namespace meshflow::runtime
