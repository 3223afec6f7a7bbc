// The spans of a trace by name: how many, under which parents, how long, how dear.
import { nameOf, type Outline, Status, Verdict } from '@/model/outline';
import { selfTime } from '@/model/self_time';
import type { Tree } from '@/model/tree';

export interface NameRow {
  readonly name: string;
  readonly spans: readonly number[]; // in order of start
  readonly parents: readonly { name: string; count: number }[]; // most frequent first; "" none
  readonly errors: number;
  readonly blocked: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly self: number;
  readonly cost: bigint | null; // nano-dollars, exact
  readonly tokens: number | null;
}

// The smallest value that at least `share` of them do not exceed.
export function quantile(sorted: readonly number[], share: number): number {
  return sorted.length === 0 ? Number.NaN : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export function rowsByName(outline: Outline, tree: Tree): NameRow[] {
  const byName = new Map<number, number[]>();
  for (let span = 0; span < outline.count; ++span) {
    const spans = byName.get(outline.name[span]);
    if (spans) spans.push(span);
    else byName.set(outline.name[span], [span]);
  }
  return [...byName.values()].map((spans) => rowOf(outline, tree, spans));
}

function rowOf(outline: Outline, tree: Tree, spans: number[]): NameRow {
  spans.sort((a, b) => outline.start[a] - outline.start[b]);
  const durations = spans.map((span) => outline.duration[span]).sort((a, b) => a - b);
  const parents = new Map<string, number>();
  let cost: bigint | null = null;
  let tokens: number | null = null;
  for (const span of spans) {
    const parent = tree.parent[span] < 0 ? '' : nameOf(outline, tree.parent[span]);
    parents.set(parent, (parents.get(parent) ?? 0) + 1);
    if (!Number.isNaN(outline.cost[span])) cost = (cost ?? 0n) + BigInt(Math.round(outline.cost[span]));
    if (!Number.isNaN(outline.tokens[span])) tokens = (tokens ?? 0) + outline.tokens[span];
  }
  return {
    name: nameOf(outline, spans[0]),
    spans,
    parents: [...parents].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count),
    errors: spans.filter((span) => outline.status[span] === Status.error).length,
    blocked: spans.filter((span) => outline.verdict[span] === Verdict.blocked).length,
    p50: quantile(durations, 0.5),
    p95: quantile(durations, 0.95),
    max: durations[durations.length - 1],
    self: spans.reduce((sum, span) => sum + selfTime(tree, outline, span), 0),
    cost,
    tokens,
  };
}

// The indented tree with ids, as the lesson has one draw it by hand.
export function treeAsText(outline: Outline, tree: Tree, words: (span: number) => string): string {
  const lines: string[] = [];
  for (const span of tree.order) {
    const parent = tree.parent[span];
    lines.push(
      `${'  '.repeat(tree.depth[span])}${words(span)}  span_id ${outline.spanId(span)}  parent_span_id ${parent < 0 ? '-' : outline.spanId(parent)}`,
    );
  }
  return lines.join('\n');
}
