import { describe, expect, test } from 'vitest';
import { findReadyMade, findText, isTraceQl } from '@/model/find';
import { initials, tonesOf } from '@/model/look';
import { Kind, Status, Verdict } from '@/model/outline';
import { rowWords } from '@/model/row_words';
import { buildTree } from '@/model/tree';
import { makeOutline } from './make_outline';

describe('colour means role', () => {
  test("a model call and a tool have their agent's, nodes and checks none", () => {
    const outline = makeOutline([
      { kind: Kind.run },
      { kind: Kind.node, parent: 0, role: 'planner' },
      { kind: Kind.agent, parent: 1, role: 'planner' },
      { kind: Kind.model, parent: 2 },
      { kind: Kind.tool, parent: 2 },
      { kind: Kind.policy, parent: 1, role: 'planner' },
      { kind: Kind.agent, parent: 0, role: 'translator' },
    ]);
    const tone = tonesOf(outline, buildTree(outline));
    expect([0, 1, 2, 3, 4, 5, 6].map(tone)).toEqual([
      'neutral',
      'neutral',
      'planner',
      'planner',
      'planner',
      'neutral',
      'neutral',
    ]);
    expect([initials(outline, 2), initials(outline, 6)]).toEqual(['', 'TR']);
  });

  test('without roles the services have the colours, in order of appearance', () => {
    const outline = makeOutline([{ service: 'web' }, { parent: 0, service: 'db' }]);
    const tone = tonesOf(outline, buildTree(outline));
    expect([tone(0), tone(1)]).toEqual(['orchestrator', 'planner']);
  });
});

test('what a row says aloud', () => {
  const outline = makeOutline([
    {
      name: 'meshflow.agent',
      node: 'draft',
      role: 'executor',
      start: 412e6,
      duration: 61.2e6,
      status: Status.error,
      verdict: Verdict.blocked,
      cost: 1_017_000,
    },
  ]);
  expect(rowWords(outline, 0, 4, 2)).toBe(
    'meshflow.agent draft, executor, starts at 412 ms, takes 61.2 ms, ∥ 4 in parallel, blocked, error, $0.001017, 2 hidden below',
  );
});

describe('Find', () => {
  const outline = makeOutline([
    { name: 'meshflow.run', duration: 50 },
    { name: 'meshflow.agent', node: 'Draft', status: Status.error, duration: 30 },
    { name: 'chat', role: 'critic', verdict: Verdict.blocked, duration: 40 },
  ]);

  test('takes text, whatever its case, in name, node, role and id', () => {
    expect(findText(outline, 'AGENT')).toEqual([1]);
    expect(findText(outline, 'draft')).toEqual([1]);
    expect(findText(outline, 'crit')).toEqual([2]);
    expect(findText(outline, '0000000000000002')).toEqual([1]);
    expect(findText(outline, ' ')).toEqual([]);
  });

  test('has ready-made ones', () => {
    const path = () => [{ span: 2, start: 0, end: 1 }];
    expect(findReadyMade(outline, path, 'errors')).toEqual([1]);
    expect(findReadyMade(outline, path, 'blocked')).toEqual([2]);
    expect(findReadyMade(outline, path, 'critical path')).toEqual([2]);
    expect(findReadyMade(outline, path, 'slowest 10')).toEqual([0, 2, 1]);
    expect(findReadyMade(outline, path, 'something')).toBe(null);
    expect(isTraceQl(' { status = error }')).toBe(true);
  });
});
