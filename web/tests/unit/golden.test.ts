// What C++ tests say that the server answers (tests/ui/golden) is what the UI reads.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Match, RunsAnswer, SpanAnswer } from '@/api/types';
import { nameOf, nodeOf, type OutlineAnswer, readOutline, roleOf, Verdict } from '@/model/outline';
import { mergeOutline } from '@/model/outline_merge';
import { findParallel } from '@/model/parallel';
import { buildTree } from '@/model/tree';
import { money } from '@/model/units';
import { followedBy } from '@/screens/trace/detail/blocked_card';

const golden = <T>(name: string): T =>
  JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../tests/ui/golden', `${name}.json`), 'utf8'));

describe("a run's outline", () => {
  const answer = golden<OutlineAnswer>('outline_run');
  const outline = readOutline(answer.trace_id!, answer);
  const tree = buildTree(outline);

  test('is a tree whose rows say name, node, role and cost', () => {
    expect(
      Array.from(
        tree.order,
        (span) => `${'  '.repeat(tree.depth[span])}${nameOf(outline, span)} ${nodeOf(outline, span)}`,
      ),
    ).toEqual([
      'meshflow.run ',
      '  meshflow.agent analyst_a',
      '    chat mock-1 ',
      '  meshflow.agent analyst_b',
      '  meshflow.agent writer',
      '    meshflow.gate ',
      '  meshflow.agent fallback',
    ]);
    expect(roleOf(outline, 4)).toBe('executor');
    expect(money(outline.cost[0])).toBe('$0.0123');
    expect(outline.events.get(2)).toEqual([40_000_000]);
    expect(outline.total).toBe(400_000_000);
  });

  test('has the analysts in parallel', () => {
    expect(findParallel(tree, outline).groups.map((group) => group.spans)).toEqual([[1, 3]]);
  });

  test('says what followed the blocked agent', () => {
    expect(outline.verdict[4]).toBe(Verdict.blocked);
    expect(nodeOf(outline, followedBy(outline, tree, 4))).toBe('fallback');
  });
});

test('an outline that waited for its root takes it in', () => {
  const base = golden<OutlineAnswer>('outline_paused');
  const merged = mergeOutline(base, golden<OutlineAnswer>('outline_since'))!;
  const outline = readOutline(base.trace_id!, merged);
  expect([nameOf(outline, 0), nameOf(outline, 1)]).toEqual(['meshflow.gate', 'meshflow.run']);
  expect(Array.from(outline.parent)).toEqual([1, -1]);
  // The gate began 100 ms after the run.
  expect(Array.from(outline.start)).toEqual([100_000_000, 0]);
  expect(outline.missing).toEqual([]);
});

test('runs, a span, and what an id names', () => {
  const [run] = golden<RunsAnswer>('runs_one').runs;
  expect([run.workflow, money(run.cost_nano_usd), run.tokens?.total, run.blocked_rule]).toEqual([
    'default_team',
    '$0.0123',
    700,
    'uncertainty_max',
  ]);
  const span = golden<SpanAnswer>('span_blocked');
  expect([span.status.message, span.parent_span_id, span.attributes.length]).toEqual([
    'uncertainty 0.72 is above 0.5',
    '0000000000000010',
    7,
  ]);
  expect(golden<{ matches: Match[] }>('resolve_span').matches[0].kind).toBe('span');
});
