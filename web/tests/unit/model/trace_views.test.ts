// What the views of one trace, and of two, compute from outlines.
import { describe, expect, test } from 'vitest';
import { agentGraph, predecessors } from '@/model/agent_graph';
import { changedAttributes, isChanged, matchTraces, pairUp } from '@/model/compare';
import { flameOf, ownParts } from '@/model/flame';
import { messagesOf, readMessages } from '@/model/messages';
import { Kind, Verdict } from '@/model/outline';
import { buildTree } from '@/model/tree';
import { makeOutline, type SpanWords } from './make_outline';

const traceOf = (spans: SpanWords[], more = {}) => {
  const outline = makeOutline(spans, more);
  return { outline, tree: buildTree(outline) };
};

describe('flame', () => {
  // A run of 100 with two agents of one name (40 and 30), the first with a call of 25.
  const { outline, tree } = traceOf([
    { name: 'run', duration: 100, cost: 12 },
    { parent: 0, name: 'agent', start: 0, duration: 40, cost: 7 },
    { parent: 1, name: 'chat', start: 5, duration: 25, cost: 7 },
    { parent: 0, name: 'agent', start: 50, duration: 30, cost: 5 },
  ]);
  test('siblings of one name are one frame, as wide as all that is in it', () => {
    const { frames, total, depth } = flameOf(outline, tree, 'time');
    expect(frames.map(({ name, spans, self, total: all }) => [name, spans.length, self, all])).toEqual([
      ['run', 1, 30, 100],
      ['agent', 2, 45, 70],
      ['chat', 1, 25, 25],
    ]);
    expect([total, depth]).toEqual([100, 3]);
  });
  test('money that a span says is its own only where those below have not said it', () => {
    expect([...ownParts(outline, tree, 'cost')]).toEqual([0, 0, 7, 5]);
    expect(flameOf(outline, tree, 'cost').total).toBe(12);
  });
  test('siblings stand beside each other, the widest first', () => {
    const other = traceOf([
      { name: 'run', duration: 10 },
      { parent: 0, name: 'a', duration: 2 },
      { parent: 0, name: 'b', start: 2, duration: 5 },
    ]);
    const { frames } = flameOf(other.outline, other.tree, 'time');
    expect(frames.map(({ name, start }) => [name, start])).toEqual([
      ['run', 0],
      ['a', 5],
      ['b', 0],
    ]);
  });
  test('work in parallel is wider than the time that it took', () => {
    const other = traceOf([
      { name: 'run', duration: 10 },
      { parent: 0, name: 'a', duration: 10 },
      { parent: 0, name: 'b', duration: 10 },
    ]);
    expect(flameOf(other.outline, other.tree, 'time').total).toBe(20);
  });
});

describe('agent graph', () => {
  const node = (name: string, start: number, duration: number, more: SpanWords = {}): SpanWords => ({
    parent: 0,
    name: 'meshflow.node',
    node: name,
    kind: Kind.node,
    start,
    duration,
    ...more,
  });
  const arrowsOf = (spans: SpanWords[], isAggregated: boolean, more = {}) => {
    const { outline, tree } = traceOf([{ name: 'meshflow.run', kind: Kind.run, duration: 1000 }, ...spans], more);
    const { boxes, arrows } = agentGraph(outline, tree, isAggregated);
    const label = new Map(boxes.map((box) => [box.id, box.label]));
    return arrows.map(
      (arrow) =>
        `${label.get(arrow.from)}${arrow.isBlock ? '⊘' : '→'}${label.get(arrow.to)}${arrow.count > 1 ? arrow.count : ''}`,
    );
  };
  test('fans out to what ran in parallel, and in again', () => {
    expect(arrowsOf([node('plan', 0, 10), node('a', 11, 20), node('b', 11, 5), node('join', 32, 5)], true)).toEqual([
      'plan→a',
      'plan→b',
      'a→join',
      'b→join',
    ]);
  });
  test('of a loop there are cycles where it is aggregated, and a line where it is as it ran', () => {
    const loop = [node('write', 0, 5), node('review', 6, 5), node('write', 12, 5), node('review', 18, 5)];
    expect(arrowsOf(loop, true)).toEqual(['write→review2', 'review→write']);
    expect(arrowsOf(loop, false)).toEqual(['write→review', 'review→write', 'write→review']);
  });
  test('the way after a block is told by its link', () => {
    const spans = [node('draft', 0, 5, { verdict: Verdict.blocked }), node('redact', 6, 5)];
    const links = [{ from: 2, to: 1, trace_id: '', span_id: '', type: 'block' }];
    expect(arrowsOf(spans, true, { links })).toEqual(['draft⊘redact']);
  });
  test('a box has the time, the money and the trouble of its node’s agents', () => {
    const { outline, tree } = traceOf([
      { name: 'meshflow.run', kind: Kind.run },
      node('draft', 0, 50),
      {
        parent: 1,
        name: 'meshflow.agent',
        kind: Kind.agent,
        role: 'executor',
        duration: 40,
        cost: 9,
        verdict: Verdict.blocked,
      },
    ]);
    expect(agentGraph(outline, tree, true).boxes).toMatchObject([
      { label: 'draft', duration: 50, cost: 9, blocked: 1, toneSpan: 2 },
    ]);
  });
  test('a foreign trace shows which names call which', () => {
    const { outline, tree } = traceOf([
      { name: 'GET /' },
      { parent: 0, name: 'SELECT' },
      { parent: 0, name: 'SELECT' },
    ]);
    const graph = agentGraph(outline, tree, true);
    expect(graph.of).toBe('spans');
    expect(graph.arrows).toEqual([{ from: 'GET /', to: 'SELECT', count: 2, isBlock: false }]);
  });
  test('one follows those that had ended last, not those before them', () => {
    const { outline } = traceOf(
      [node('a', 0, 5), node('b', 6, 5), node('c', 12, 5)].map((each) => ({ ...each, parent: -1 })),
    );
    expect(predecessors(outline, [0, 1, 2], 2)).toEqual([1]);
    expect(predecessors(outline, [0, 1, 2], 0)).toEqual([]);
  });
});

describe('compare', () => {
  test('the n-th of a name is matched with the n-th; what only one has stands in its place', () => {
    expect(pairUp(['a', 'b', 'a'], ['a', 'c', 'a', 'a'])).toEqual([
      [0, 0],
      [-1, 1],
      [1, -1],
      [2, 2],
      [-1, 3],
    ]);
  });
  const run = (spans: SpanWords[]) => traceOf([{ name: 'run', duration: 5e6 }, ...spans]);
  test('rows are in the order of the tree, below what they are below', () => {
    const a = run([
      { parent: 0, name: 'x', start: 1 },
      { parent: 1, name: 'y', start: 2 },
    ]);
    const b = run([
      { parent: 0, name: 'x', start: 1 },
      { parent: 0, name: 'z', start: 3 },
    ]);
    expect(matchTraces(a, b).map(({ a: left, b: right, depth }) => [left, right, depth])).toEqual([
      [0, 0, 0],
      [1, 1, 1],
      [2, -1, 2],
      [-1, 2, 1],
    ]);
  });
  test('a row differs by what it cost, by its verdict, or by more than a tenth and a millisecond of time', () => {
    const one = (more: SpanWords) => makeOutline([{ duration: 20e6, cost: 5, ...more }]);
    const row = { key: '', depth: 0, a: 0, b: 0 };
    expect(isChanged(one({}), one({ duration: 21.9e6 }), row)).toBe(false);
    expect(isChanged(one({}), one({ duration: 22.5e6 }), row)).toBe(true);
    expect(isChanged(one({}), one({ cost: 6 }), row)).toBe(true);
    expect(isChanged(one({}), one({ verdict: Verdict.blocked }), row)).toBe(true);
    expect(isChanged(one({}), one({}), { ...row, b: -1 })).toBe(true);
  });
  test('attributes that differ, without those that always do', () => {
    expect(
      changedAttributes(
        [
          { key: 'same', value: 1 },
          { key: 'model', value: 'small' },
          { key: 'run_id', value: 'a' },
        ],
        [
          { key: 'same', value: '1' },
          { key: 'model', value: 'large' },
          { key: 'policy', value: 'p' },
          { key: 'run_id', value: 'b' },
        ],
        /^run_id$/,
      ),
    ).toEqual([
      { key: 'model', a: 'small', b: 'large' },
      { key: 'policy', a: null, b: 'p' },
    ]);
  });
});

describe('messages', () => {
  test('are read with their parts: text, calls, results', () => {
    const json = JSON.stringify([
      { role: 'user', parts: [{ type: 'text', content: 'hello' }] },
      {
        role: 'assistant',
        parts: [{ type: 'tool_call', id: '1', name: 'price', arguments: { item: 'tea' } }],
        finish_reason: 'tool_call',
      },
      { role: 'tool', parts: [{ type: 'tool_call_response', id: '1', response: '3 €' }] },
    ]);
    expect(readMessages(json, 'user')).toEqual([
      { role: 'user', parts: [{ kind: 'text', name: '', text: 'hello' }], finish: '' },
      {
        role: 'assistant',
        parts: [{ kind: 'call', name: 'price', text: '{\n  "item": "tea"\n}' }],
        finish: 'tool_call',
      },
      { role: 'tool', parts: [{ kind: 'result', name: '1', text: '3 €' }], finish: '' },
    ]);
  });
  test('that are not as expected are shown as the text that they are', () => {
    expect(readMessages('<b>not json</b>', 'user')[0].parts[0].text).toBe('<b>not json</b>');
    expect(readMessages('[5]', 'user')[0].parts[0].text).toBe('5');
  });
  test('stand in the order in which they were said', () => {
    const said = messagesOf([
      { key: 'gen_ai.output.messages', value: 'out' },
      { key: 'gen_ai.input.messages', value: 'in' },
      { key: 'gen_ai.tool.call.result', value: 'r' },
    ]);
    expect(said.map((message) => message.role)).toEqual(['user', 'tool', 'assistant']);
  });
});
