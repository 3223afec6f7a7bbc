#include "cli/json.hpp"

#include <boost/json/array.hpp>

#include "cli/text.hpp"

namespace meshflow::cli {

namespace json = boost::json;

json::object json_of(const Usage& usage) {
  const Carbon& carbon = usage.carbon;
  return {{"cost_usd", usage.cost_usd()},
          {"cost_nano_usd", usage.cost_nano_usd},
          {"tokens", usage.tokens.total()},
          {"input_tokens", usage.tokens.input},
          {"output_tokens", usage.tokens.output},
          {"cached_tokens", usage.tokens.cached},
          {"carbon_g", usage.carbon_g()},
          {"carbon_nanograms", carbon.nanograms},
          {"carbon_low_nanograms", carbon.low_nanograms},
          {"carbon_high_nanograms", carbon.high_nanograms},
          {"model_calls", usage.model_calls}};
}

json::object json_of(const PendingRequest& request) {
  return {{"run_id", request.run_id},
          {"node_id", request.node_id},
          {"reason", request.reason},
          {"prompt", request.prompt},
          {"content_digest", request.content_digest},
          {"span_id", request.span_id},
          {"role", request.role},
          {"risk", request.risk},
          {"rule_id", request.rule_id},
          {"threshold", request.threshold},
          {"value", request.value},
          {"since", utc_time_text(request.since_unix_nanos)},
          {"since_unix_nanos", request.since_unix_nanos},
          {"expires", utc_time_text(request.expires_unix_nanos)},
          {"expires_unix_nanos", request.expires_unix_nanos}};
}

json::object json_of(const RunResult& result) {
  json::object out{{"run_id", result.run_id},
                   {"trace_id", result.trace_id},
                   {"status", name_of(result.status)},
                   {"output", result.output}};
  if (result.error) {
    out["error"] = json::object{{"code", error_code_name(result.error->code)}, {"message", result.error->text()}};
  }
  out["duration_nanos"] = result.duration_nanos;
  out["usage"] = json_of(result.usage);
  json::array agents;
  for (const AgentFigures& agent : result.agents) {
    agents.push_back(json::object{{"agent_id", agent.agent_id},
                                  {"node_id", agent.node_id},
                                  {"role", name_of(agent.role)},
                                  {"executions", agent.executions},
                                  {"usage", json_of(agent.usage)}});
  }
  out["agents"] = std::move(agents);
  json::array blocked;
  for (const BlockedSpan& block : result.blocked) {
    blocked.push_back(json::object{{"node_id", block.node_id},
                                   {"agent_id", block.agent_id},
                                   {"role", block.role},
                                   {"gate", block.gate},
                                   {"rule_id", block.rule_id},
                                   {"reason", block.reason},
                                   {"span_id", block.span_id},
                                   {"followed_by", block.followed_by}});
  }
  out["blocked"] = std::move(blocked);
  if (result.pending) out["pending"] = json_of(*result.pending);
  out["ledger_head"] = result.ledger_head;
  out["span_count"] = result.span_count();
  json::object spans;
  for (const auto& [name, count] : result.spans_by_name) spans[name] = count;
  out["spans"] = std::move(spans);
  return out;
}

json::object json_of(const runtime::RunRecord& run) {
  json::object out{{"run_id", run.run_id},
                   {"trace_id", run.trace_id},
                   {"workflow", run.workflow_name},
                   {"version", run.workflow_version},
                   {"file", run.source_path},
                   {"variant", run.variant},
                   {"task", run.task},
                   {"status", name_of(run.status)},
                   {"started", utc_time_text(run.started_unix_nanos)},
                   {"started_unix_nanos", run.started_unix_nanos}};
  if (run.ended_unix_nanos != 0) {
    out["ended"] = utc_time_text(run.ended_unix_nanos);
    out["ended_unix_nanos"] = run.ended_unix_nanos;
  }
  out["usage"] = json_of(run.usage);
  out["blocked"] = run.blocked;
  out["ledger_head"] = run.ledger_head;
  return out;
}

json::object json_of(const runtime::LedgerEntry& entry) {
  return {{"seq", entry.seq},
          {"time", utc_time_text(entry.time_unix_nanos)},
          {"time_unix_nanos", entry.time_unix_nanos},
          {"run_id", entry.run_id},
          {"trace_id", entry.trace_id},
          {"span_id", entry.span_id},
          {"node_id", entry.node_id},
          {"kind", entry.kind},
          {"verdict", entry.verdict},
          {"reason", entry.reason},
          {"cost_usd", static_cast<double>(entry.cost_nano_usd) / 1e9},
          {"cost_nano_usd", entry.cost_nano_usd},
          {"input_tokens", entry.input_tokens},
          {"output_tokens", entry.output_tokens},
          {"cached_tokens", entry.cached_tokens},
          {"carbon_g", static_cast<double>(entry.carbon_nanograms) / 1e9},
          {"carbon_nanograms", entry.carbon_nanograms},
          {"input_digest", entry.input_digest},
          {"output_digest", entry.output_digest},
          {"prev_hash", entry.prev_hash},
          {"entry_hash", entry.entry_hash}};
}

json::object json_of(const runtime::LedgerReport& report) {
  json::object out{{"holds", report.holds()}, {"fault", name_of(report.fault)}};
  if (!report.holds()) {
    out["seq"] = report.seq;
    out["run_id"] = report.run_id;
    out["message"] = report.message;
  }
  out["entries"] = report.entries;
  return out;
}

}  // namespace meshflow::cli
