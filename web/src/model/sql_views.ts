// The views that SQL reads, as docs/sql.md has them.
export interface SqlView {
  readonly name: string;
  readonly of: string;
  readonly columns: readonly string[];
}

const list = (names: string) => names.trim().split(/\s+/);

export const kSqlViews: readonly SqlView[] = [
  {
    name: 'spans',
    of: 'a row a span',
    columns: list(`trace_id span_id parent_span_id name service kind start_time end_time start_ns end_ns duration_ns
      duration_ms status is_error status_message run_id node_id agent_id role verdict gate_result rule_id gate_name
      workflow_name workflow_version variant cost_usd cost_nano_usd tokens carbon_g carbon_ng uncertainty operation model
      tool_name input_tokens output_tokens http_method http_route http_status`),
  },
  {
    name: 'runs',
    of: 'a row a run',
    columns:
      list(`run_id trace_id span_id parent_span_id service workflow_name workflow_version variant status start_time
      end_time start_ns end_ns duration_ns duration_ms is_error blocked cost_usd cost_nano_usd carbon_g carbon_ng tokens
      input_tokens output_tokens cached_tokens`),
  },
  {
    name: 'traces',
    of: 'a row a trace',
    columns: list(`trace_id root_name workflow_name workflow_version variant service run_id status start_time end_time
      start_ns end_ns duration_ns duration_ms spans errors blocked cost_usd cost_nano_usd tokens carbon_g carbon_ng`),
  },
  {
    name: 'events',
    of: 'a row an event of a span',
    columns: list('trace_id span_id span_name service time time_ns name attributes'),
  },
  {
    name: 'links',
    of: 'a row a link of a span',
    columns: list('trace_id span_id linked_trace_id linked_span_id trace_state attributes'),
  },
  {
    name: 'attributes',
    of: 'a row an attribute of a span',
    columns: list('trace_id span_id start_ns key type value number'),
  },
];
