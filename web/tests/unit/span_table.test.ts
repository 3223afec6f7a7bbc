import { describe, expect, test } from 'vitest';
import { Status, Verdict } from '@/model/outline';
import { titleOf } from '@/model/row_words';
import { buildTree } from '@/model/tree';
import { quantile, rowsByName, treeAsText } from '@/screens/trace/table/rows';
import { makeOutline } from './model/make_outline';

const outline = makeOutline([
  { name: 'run', duration: 100, cost: 30 },
  { name: 'agent', parent: 0, start: 0, duration: 40, cost: 10, node: 'plan' },
  { name: 'agent', parent: 0, start: 50, duration: 20, cost: 20, status: Status.error, verdict: Verdict.blocked },
  { name: 'call', parent: 1, start: 10, duration: 10 },
]);
const tree = buildTree(outline);

describe('spans by name', () => {
  const rows = new Map(rowsByName(outline, tree).map((row) => [row.name, row]));

  test('say how many, under which parents, how long and how dear', () => {
    const agent = rows.get('agent')!;
    expect(agent.spans).toEqual([1, 2]);
    expect(agent.parents).toEqual([{ name: 'run', count: 2 }]);
    expect([agent.errors, agent.blocked]).toEqual([1, 1]);
    expect([agent.p50, agent.max]).toEqual([20, 40]);
    expect(agent.self).toBe(50); // 40 − 10 of its call, and 20
    expect(agent.cost).toBe(30n);
    expect(rows.get('call')!.cost).toBe(null);
    expect(rows.get('run')!.parents).toEqual([{ name: '', count: 1 }]);
  });

  test('quantiles are of the nearest rank', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
    expect(quantile([7], 0.95)).toBe(7);
    expect(quantile([], 0.5)).toBeNaN();
  });

  test('the tree as text has each span below its parent, with both ids', () => {
    expect(treeAsText(outline, tree, (span) => titleOf(outline, span)).split('\n')).toEqual([
      'run  span_id 0000000000000001  parent_span_id -',
      '  agent plan  span_id 0000000000000002  parent_span_id 0000000000000001',
      '    call  span_id 0000000000000004  parent_span_id 0000000000000002',
      '  agent  span_id 0000000000000003  parent_span_id 0000000000000001',
    ]);
  });
});
