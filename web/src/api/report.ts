// The figures of `meshflow report` (docs/report.md): whole numbers, nearest-rank quantiles, the period and the one before.
import { get, withQuery } from './client';

export interface Latency {
  spans: number;
  p50_ns: number;
  p95_ns: number;
  p99_ns: number;
  max_ns: number;
}
export interface RunCosts {
  runs: number;
  total_nano_usd: number;
  p50_nano_usd: number;
  p95_nano_usd: number;
  max_nano_usd: number;
  over_limit: number;
}
export interface RunTokens {
  runs: number;
  tokens: number;
  input: number; // cached ones included
  output: number;
  cached: number;
}
export interface RunCarbon {
  runs: number;
  nanograms: number;
  low_nanograms: number;
  high_nanograms: number;
}
export interface Blocks {
  spans: number;
  runs: number;
}
export interface GroupFigures {
  count: number;
  p50_ns: number;
  p95_ns: number;
  cost_nano_usd: number;
  tokens: number;
  nanograms: number;
  blocked: number;
}
interface Both<T> {
  now: T;
  before: T;
}

export interface Report {
  from_unix_nanos: number;
  to_unix_nanos: number;
  limit_nano_usd: number;
  by: string;
  latency_by_role: (Both<Latency> & { role: string })[];
  cost: RunCosts;
  cost_before: RunCosts;
  expensive_runs: { trace_id: string; run_id: string; workflow: string; cost_nano_usd: number }[];
  tokens_by_version: (Both<RunTokens> & { workflow: string; version: string })[];
  carbon_by_variant: (Both<RunCarbon> & { variant: string })[];
  blocked_by_rule: (Both<Blocks> & { rule: string; roles: string })[];
  groups: (Both<GroupFigures> & { group: string })[];
  is_cut: boolean;
}

export const kReportGroups = ['workflow', 'variant', 'role', 'model'] as const;
export type ReportGroup = (typeof kReportGroups)[number];

// Times in ns since 1970.
export const report = (from: string, to: string, by: ReportGroup | '', signal?: AbortSignal) =>
  get<Report>(withQuery('api/meshflow/report', { from, to, by }), signal);
