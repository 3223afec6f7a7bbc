// What each panel asks, in both languages: TraceQL makes its curve, SQL its table.
import type { ReportGroup } from '@/api/report';
import { nanosOf, type Range } from '@/model/period';

export interface Question {
  readonly traceql: string;
  readonly sql: (range: Range) => string;
}

const during = ({ from, to }: Range) => `start_ns >= ${nanosOf(from)} AND start_ns < ${nanosOf(to)}`;

const quantiles = (column: string, unit: string) =>
  [0.5, 0.95, 0.99].map((q) => `quantile_disc(${column}, ${q}) AS p${q * 100}_${unit}`).join(', ');

export const kQuestions = {
  latency: {
    traceql: '{ name = "meshflow.agent" } | quantile_over_time(duration, .95) by (span.meshflow.role)',
    sql: (range) =>
      `SELECT role, count(*) AS agents, ${quantiles('duration_ns', 'ns')}, max(duration_ns) AS max_ns
FROM spans
WHERE name = 'meshflow.agent' AND ${during(range)}
GROUP BY role ORDER BY p95_ns DESC`,
  },
  cost: {
    traceql: '{ name = "meshflow.run" } | avg_over_time(span.meshflow.cost_usd)',
    sql: (range) =>
      `SELECT count(*) AS runs, sum(cost_nano_usd) AS total_nano_usd, ${quantiles('cost_nano_usd', 'nano_usd')}, max(cost_nano_usd) AS max_nano_usd
FROM runs
WHERE cost_nano_usd IS NOT NULL AND ${during(range)}`,
  },
  tokens: {
    traceql:
      '{ name = "meshflow.run" } | avg_over_time(span.meshflow.tokens) by (span.meshflow.workflow.name, span.meshflow.workflow.version)',
    sql: (range) =>
      `SELECT workflow_name, workflow_version, count(tokens) AS runs, sum(tokens) AS tokens, sum(input_tokens) AS input, sum(output_tokens) AS output, sum(cached_tokens) AS cached
FROM runs
WHERE ${during(range)}
GROUP BY workflow_name, workflow_version ORDER BY workflow_name, min(start_ns)`,
  },
  carbon: {
    traceql:
      '{ name = "meshflow.run" } | avg_over_time(span.meshflow.carbon_g) by (span.meshflow.workflow.name, span.meshflow.workflow.version)',
    sql: (range) =>
      `SELECT coalesce(variant, workflow_name || ' ' || workflow_version) AS variant, count(carbon_ng) AS runs, sum(carbon_ng) AS carbon_ng
FROM runs
WHERE ${during(range)}
GROUP BY ALL ORDER BY sum(carbon_ng) / count(carbon_ng)`,
  },
  blocks: {
    traceql: '{ span.meshflow.verdict = "blocked" } | count_over_time() by (span.meshflow.rule_id, span.meshflow.role)',
    sql: (range) =>
      `SELECT rule_id, role, count(*) AS spans, count(DISTINCT trace_id) AS runs
FROM spans
WHERE verdict = 'blocked' AND ${during(range)}
GROUP BY rule_id, role ORDER BY spans DESC`,
  },
  status: {
    traceql: '{ name = "meshflow.run" } | count_over_time() by (span.meshflow.status)',
    sql: (range) =>
      `SELECT status, count(*) AS runs
FROM runs
WHERE ${during(range)}
GROUP BY status ORDER BY runs DESC`,
  },
} satisfies Record<string, Question>;

// The same curves by another thing than each panel's own.
const kModelCalls =
  '{ span.gen_ai.request.model != nil && span.gen_ai.operation.name =~ "chat|text_completion|generate_content|embeddings" }';
const kGroups: Record<ReportGroup, { spans: string; labels: string; sql: string }> = {
  workflow: {
    spans: '{ name = "meshflow.run" }',
    labels: 'span.meshflow.workflow.name, span.meshflow.workflow.version',
    sql: "SELECT workflow_name || ' ' || workflow_version AS name, %s FROM runs",
  },
  variant: {
    spans: '{ name = "meshflow.run" }',
    labels: 'span.meshflow.variant',
    sql: "SELECT coalesce(variant, workflow_name || ' ' || workflow_version) AS name, %s FROM runs",
  },
  role: {
    spans: '{ name = "meshflow.agent" }',
    labels: 'span.meshflow.role',
    sql: "SELECT role AS name, %s FROM spans\nWHERE name = 'meshflow.agent'",
  },
  model: {
    spans: kModelCalls,
    labels: 'span.gen_ai.request.model',
    sql: "SELECT model AS name, %s FROM spans\nWHERE model IS NOT NULL AND operation IN ('chat', 'text_completion', 'generate_content', 'embeddings')",
  },
};

export function groupQuestion(by: ReportGroup, of: 'p95' | 'cost'): Question {
  const { spans, labels, sql } = kGroups[by];
  return {
    traceql:
      of === 'p95'
        ? `${spans} | quantile_over_time(duration, .95) by (${labels})`
        : `${spans} | sum_over_time(span.meshflow.cost_usd) by (${labels})`,
    sql: (range) => {
      const figures =
        'count(*) AS n, quantile_disc(duration_ns, 0.5) AS p50_ns, quantile_disc(duration_ns, 0.95) AS p95_ns, sum(cost_nano_usd) AS cost_nano_usd, sum(tokens) AS tokens, sum(carbon_ng) AS carbon_ng';
      const asked = sql.replace('%s', figures);
      return `${asked}\n${asked.includes('WHERE') ? 'AND' : 'WHERE'} ${during(range)}\nGROUP BY name ORDER BY cost_nano_usd DESC`;
    },
  };
}
