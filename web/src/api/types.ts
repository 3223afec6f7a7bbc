// Answers of the server. Integers that may pass 2^53 come as text.

export interface Tokens {
  total: number | null;
  input: number | null;
  output: number | null;
  cached: number | null;
}

// A trace in a few words; what is MeshFlow's own is null where the trace is no run.
export interface Run {
  trace_id: string;
  run_id: string | null;
  root: string | null;
  service: string | null;
  workflow: string | null;
  version: string | null;
  variant: string | null;
  conversation?: string | null;
  status: string;
  start_ns: string;
  duration_ns: number;
  spans: number;
  errors: number;
  blocked: number;
  blocked_rule?: string | null;
  pending?: number | null;
  cost_nano_usd: string | null;
  tokens: Tokens | null;
  carbon_g: number | null;
}

export interface RunsAnswer {
  runs: Run[];
  total: number | null;
  partial?: string;
  next_cursor: string | null;
  query: string; // the question as TraceQL
  tags?: string | null; // the same for Jaeger, where it can say it
}

export interface Listener {
  name: string; // "otlp-http"
  ip: string;
  port: number;
}

export interface Capabilities {
  version: string;
  api?: number | string;
  runtime: boolean;
  live: boolean;
  sql: boolean;
  signed_in: boolean;
  limits?: Record<string, number | string>;
  listeners?: Listener[];
  retention_s?: number | null;
  spans?: number | string | null;
  runs?: number | string | null;
  oldest_ns?: string | null;
  newest_ns?: string | null;
}

export interface Match {
  kind: 'trace' | 'span' | 'run';
  trace_id: string;
  span_id?: string | null;
  run_id?: string | null;
  root: string | null;
  start_ns: string;
}

export interface Attribute {
  key: string;
  type: string; // string bool int double bytes array kvlist empty
  value: string | number | boolean | null;
}

export interface SpanEvent {
  name: string;
  time_ns: string;
  attributes: Attribute[];
  dropped_attributes?: number;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: Attribute[];
}

export interface SpanAnswer {
  trace_id: string;
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: string;
  start_ns: string;
  duration_ns: number;
  service?: string | null;
  status: { code: string; message: string };
  trace_state?: string;
  flags?: number;
  attributes: Attribute[];
  dropped_attributes?: number;
  events: SpanEvent[];
  dropped_events?: number;
  links: SpanLink[];
  dropped_links?: number;
  resource: { attributes: Attribute[]; schema_url?: string };
  scope: { name: string; version: string; attributes?: Attribute[]; schema_url?: string };
  raw: unknown;
}

export interface LedgerEntry {
  seq: number;
  time_ns: string;
  kind: string;
  verdict: string | null;
  reason: string | null;
  node_id: string | null;
  span_id: string | null;
  cost_nano_usd: string | null;
  tokens: Tokens | null;
  carbon_nanograms: string | null;
  input_digest: string | null;
  output_digest: string | null;
  prev_hash: string;
  entry_hash: string;
}

export interface LedgerAnswer {
  state: 'ok' | 'broken' | 'none';
  head: string | null;
  root_head: string | null;
  first_bad: { seq: number; reason: string } | null;
  entries: LedgerEntry[];
}

export interface View {
  id: string;
  name: string;
  url: string;
  created_ns: string;
}
