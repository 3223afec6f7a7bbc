#include "query/sql/definitions.hpp"

#include <map>
#include <vector>

namespace meshflow::query::sql {
namespace {

using Definitions = std::vector<Definition>;

// Money and carbon are doubles on the wire, the nearest to a whole number of billionths: rounded, they are exact.
// Numbers of senders whose SDKs write whole doubles as integers lie in `rest`.
const std::string kCost = "coalesce(meshflow_cost_usd, CAST(rest_int(rest, 'meshflow.cost_usd') AS DOUBLE))";
const std::string kCarbon = "coalesce(meshflow_carbon_g, CAST(rest_int(rest, 'meshflow.carbon_g') AS DOUBLE))";
const std::string kEnd = "(CAST(start AS HUGEINT) + duration)";
const std::string kStatus = "CASE status WHEN 2 THEN 'error' WHEN 1 THEN 'ok' ELSE 'unset' END";

std::string dollars(const std::string& amount) { return "TRY_CAST(" + amount + " AS DECIMAL(18,9))"; }
std::string billionths(const std::string& amount) { return "TRY_CAST(round(" + amount + " * 1e9) AS BIGINT)"; }

Definitions spans() {
  return {
      {"trace_id", "VARCHAR", "trace_id_text(trace_id)"},
      {"span_id", "VARCHAR", "span_id_text(span_id)"},
      {"parent_span_id", "VARCHAR", "span_id_text(nullif(parent_id, 0))"},
      {"name", "VARCHAR", "name"},
      {"kind", "VARCHAR",
       "CASE kind WHEN 1 THEN 'internal' WHEN 2 THEN 'server' WHEN 3 THEN 'client' WHEN 4 THEN 'producer' "
       "WHEN 5 THEN 'consumer' ELSE 'unspecified' END"},
      {"service", "VARCHAR", "service"},
      {"start_time", "TIMESTAMP_NS", "make_timestamp_ns(TRY_CAST(start AS BIGINT))"},
      {"end_time", "TIMESTAMP_NS", "make_timestamp_ns(TRY_CAST(" + kEnd + " AS BIGINT))"},
      {"start_ns", "UBIGINT", "start"},
      {"end_ns", "UBIGINT", "TRY_CAST(" + kEnd + " AS UBIGINT)"},
      {"duration_ns", "BIGINT", "duration"},
      {"duration_ms", "DOUBLE", "duration / 1e6"},
      {"status", "VARCHAR", kStatus},
      {"is_error", "BOOLEAN", "status = 2"},
      {"status_message", "VARCHAR", "status_message"},
      {"run_id", "VARCHAR", "meshflow_run_id"},
      {"node_id", "VARCHAR", "meshflow_node_id"},
      {"agent_id", "VARCHAR", "meshflow_agent_id"},
      {"role", "VARCHAR", "meshflow_role"},
      {"verdict", "VARCHAR", "meshflow_verdict"},
      {"gate_name", "VARCHAR", "meshflow_gate_name"},
      {"gate_result", "VARCHAR", "meshflow_gate_result"},
      {"rule_id", "VARCHAR", "meshflow_rule_id"},
      {"workflow_name", "VARCHAR", "meshflow_workflow_name"},
      {"workflow_version", "VARCHAR", "meshflow_workflow_version"},
      {"variant", "VARCHAR", "rest_text(rest, 'meshflow.variant')"},
      {"cost_usd", "DECIMAL(18,9)", dollars(kCost)},
      {"cost_nano_usd", "BIGINT", billionths(kCost)},
      {"tokens", "BIGINT", "meshflow_tokens"},
      {"carbon_g", "DECIMAL(18,9)", dollars(kCarbon)},
      {"carbon_ng", "BIGINT", billionths(kCarbon)},
      {"uncertainty", "DOUBLE", "meshflow_uncertainty"},
      {"operation", "VARCHAR", "gen_ai_operation_name"},
      {"model", "VARCHAR", "gen_ai_request_model"},
      {"input_tokens", "BIGINT", "gen_ai_usage_input_tokens"},
      {"output_tokens", "BIGINT", "gen_ai_usage_output_tokens"},
      {"tool_name", "VARCHAR", "gen_ai_tool_name"},
      {"http_method", "VARCHAR", "http_request_method"},
      {"http_route", "VARCHAR", "http_route"},
      {"http_status", "BIGINT", "http_response_status_code"},
  };
}

// Of spans named meshflow.run.
Definitions runs() {
  return {
      {"run_id", "VARCHAR", "meshflow_run_id"},
      {"trace_id", "VARCHAR", "trace_id_text(trace_id)"},
      {"span_id", "VARCHAR", "span_id_text(span_id)"},
      {"parent_span_id", "VARCHAR", "span_id_text(nullif(parent_id, 0))"},
      {"service", "VARCHAR", "service"},
      {"workflow_name", "VARCHAR", "meshflow_workflow_name"},
      {"workflow_version", "VARCHAR", "meshflow_workflow_version"},
      {"variant", "VARCHAR", "rest_text(rest, 'meshflow.variant')"},
      {"status", "VARCHAR", "coalesce(rest_text(rest, 'meshflow.status'), " + kStatus + ")"},
      {"start_time", "TIMESTAMP_NS", "make_timestamp_ns(TRY_CAST(start AS BIGINT))"},
      {"end_time", "TIMESTAMP_NS", "make_timestamp_ns(TRY_CAST(" + kEnd + " AS BIGINT))"},
      {"start_ns", "UBIGINT", "start"},
      {"end_ns", "UBIGINT", "TRY_CAST(" + kEnd + " AS UBIGINT)"},
      {"duration_ns", "BIGINT", "duration"},
      {"duration_ms", "DOUBLE", "duration / 1e6"},
      {"is_error", "BOOLEAN", "status = 2"},
      {"blocked", "BIGINT", "rest_int(rest, 'meshflow.blocked')"},
      {"cost_usd", "DECIMAL(18,9)", dollars(kCost)},
      {"cost_nano_usd", "BIGINT", billionths(kCost)},
      {"tokens", "BIGINT", "meshflow_tokens"},
      {"input_tokens", "BIGINT", "rest_int(rest, 'meshflow.tokens.input')"},
      {"output_tokens", "BIGINT", "rest_int(rest, 'meshflow.tokens.output')"},
      {"cached_tokens", "BIGINT", "rest_int(rest, 'meshflow.tokens.cached')"},
      {"carbon_g", "DECIMAL(18,9)", dollars(kCarbon)},
      {"carbon_ng", "BIGINT", billionths(kCarbon)},
  };
}

// What is the root's is of the earliest span without a parent that has it.
std::string root(const std::string& expression) { return "arg_min(" + expression + ", start) FILTER (parent_id = 0)"; }

// The root's own; else the sum over the runs in the trace, or over its agents.
std::string trace_sum(const std::string& expression) {
  const std::string sum = "sum(" + expression + ") FILTER ";
  return "coalesce(" + sum + "(parent_id = 0), " + sum + "(name = 'meshflow.run'), " + sum +
         "(name = 'meshflow.agent'))";
}

// Of the root, looked up in `rest` there alone.
std::string root_text(const char* key) {
  return root("CASE WHEN parent_id = 0 THEN rest_text(rest, '" + std::string(key) + "') END");
}

Definitions traces() {
  const std::string end = "max(" + kEnd + ")";
  return {
      {"trace_id", "VARCHAR", "trace_id_text(trace_id)"},
      {"root_name", "VARCHAR", root("name")},
      {"service", "VARCHAR", "coalesce(" + root("service") + ", arg_min(service, start))"},
      {"run_id", "VARCHAR", "coalesce(" + root("meshflow_run_id") + ", arg_min(meshflow_run_id, start))"},
      {"workflow_name", "VARCHAR", root("meshflow_workflow_name")},
      {"workflow_version", "VARCHAR", root("meshflow_workflow_version")},
      {"variant", "VARCHAR", root_text("meshflow.variant")},
      {"status", "VARCHAR",
       "coalesce(" + root_text("meshflow.status") + ", " + root(kStatus) +
           ", CASE WHEN bool_or(meshflow_gate_result = 'pending') THEN 'paused' ELSE 'unfinished' END)"},
      {"start_time", "TIMESTAMP_NS", "make_timestamp_ns(TRY_CAST(min(start) AS BIGINT))"},
      {"end_time", "TIMESTAMP_NS", "make_timestamp_ns(TRY_CAST(" + end + " AS BIGINT))"},
      {"start_ns", "UBIGINT", "min(start)"},
      {"end_ns", "UBIGINT", "TRY_CAST(" + end + " AS UBIGINT)"},
      {"duration_ns", "BIGINT", "TRY_CAST(" + end + " - min(start) AS BIGINT)"},
      {"duration_ms", "DOUBLE", "(" + end + " - min(start)) / 1e6"},
      {"spans", "BIGINT", "count(*)"},
      {"errors", "BIGINT", "count(*) FILTER (status = 2)"},
      {"blocked", "BIGINT", "count(*) FILTER (meshflow_verdict = 'blocked')"},
      {"cost_usd", "DECIMAL(18,9)", "TRY_CAST(" + trace_sum(dollars(kCost)) + " AS DECIMAL(18,9))"},
      {"cost_nano_usd", "BIGINT", "TRY_CAST(" + trace_sum(billionths(kCost)) + " AS BIGINT)"},
      {"tokens", "BIGINT", "TRY_CAST(" + trace_sum("meshflow_tokens") + " AS BIGINT)"},
      {"carbon_g", "DECIMAL(18,9)", "TRY_CAST(" + trace_sum(dollars(kCarbon)) + " AS DECIMAL(18,9))"},
      {"carbon_ng", "BIGINT", "TRY_CAST(" + trace_sum(billionths(kCarbon)) + " AS BIGINT)"},
  };
}

// Over the rows that their functions make of each span.
Definitions events() {
  return {
      {"trace_id", "VARCHAR", "trace_id_text(trace_id)"},
      {"span_id", "VARCHAR", "span_id_text(span_id)"},
      {"span_name", "VARCHAR", "span_name"},
      {"service", "VARCHAR", "service"},
      {"time", "TIMESTAMP_NS", "make_timestamp_ns(TRY_CAST(made.time_ns AS BIGINT))"},
      {"time_ns", "UBIGINT", "made.time_ns"},
      {"name", "VARCHAR", "made.name"},
      {"attributes", "VARCHAR", "made.attributes"},
  };
}

Definitions links() {
  return {
      {"trace_id", "VARCHAR", "trace_id_text(trace_id)"}, {"span_id", "VARCHAR", "span_id_text(span_id)"},
      {"linked_trace_id", "VARCHAR", "made.trace_id"},    {"linked_span_id", "VARCHAR", "made.span_id"},
      {"trace_state", "VARCHAR", "made.trace_state"},     {"attributes", "VARCHAR", "made.attributes"},
  };
}

Definitions attributes() {
  return {
      {"trace_id", "VARCHAR", "trace_id_text(trace_id)"},
      {"span_id", "VARCHAR", "span_id_text(span_id)"},
      {"start_ns", "UBIGINT", "start"},
      {"key", "VARCHAR", "made.key"},
      {"type", "VARCHAR", "made.type"},
      {"value", "VARCHAR", "made.value"},
      {"number", "DOUBLE", "made.number"},
  };
}

}  // namespace

std::span<const Definition> definitions_of(std::string_view view) {
  static const std::map<std::string_view, Definitions> definitions{{"spans", spans()}, {"traces", traces()},
                                                                   {"runs", runs()},   {"events", events()},
                                                                   {"links", links()}, {"attributes", attributes()}};
  const auto found = definitions.find(view);
  return found == definitions.end() ? std::span<const Definition>() : found->second;
}

}  // namespace meshflow::query::sql
