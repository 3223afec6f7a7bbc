import { describe, expect, test } from 'vitest';
import { blocksOf, countBy, filterBlocks } from '@/model/blocks';

const span = (id: string, start: number, duration: number, values: Record<string, string>, name = 'x') => ({
  spanID: id,
  name,
  startTimeUnixNano: String(start),
  durationNanos: String(duration),
  attributes: Object.entries(values).map(([key, text]) => ({
    key: `span.meshflow.${key}`,
    value: { stringValue: text },
  })),
});
const trace = (id: string, ...spans: ReturnType<typeof span>[]) => ({ traceID: id, spanSets: [{ spans }] });

const agent = (id: string, start: number, more = {}) =>
  span(id, start, 10, {
    verdict: 'blocked',
    gate_result: 'blocked',
    node_id: 'draft',
    role: 'executor',
    rule_id: 'pii.card',
    'gate.name': 'content_policy',
    ...more,
  });
const gate = (id: string, start: number, more = {}) =>
  span(id, start, 1, {
    gate_result: 'blocked',
    node_id: 'draft',
    'gate.name': 'content_policy',
    'gate.value': '0.9',
    'gate.threshold': '0.5',
    ...more,
  });

describe('blocks', () => {
  test('an agent and the gate that blocked it are one block, with the gate’s value and threshold', () => {
    const [block, ...others] = blocksOf([trace('t', agent('a', 100), gate('g', 105))]);
    expect(others).toEqual([]);
    expect(block).toMatchObject({ spanId: 'a', rule: 'pii.card', role: 'executor', value: '0.9', threshold: '0.5' });
  });
  test('each pass of a loop has its own gate', () => {
    const blocks = blocksOf([
      trace(
        't',
        agent('a', 100),
        gate('g', 105, { 'gate.value': '1' }),
        agent('b', 200),
        gate('h', 205, { 'gate.value': '2' }),
      ),
    ]);
    expect(blocks.map((block) => [block.spanId, block.value])).toEqual([
      ['b', '2'],
      ['a', '1'],
    ]);
  });
  test('a person’s "no" is a block of its own, and it was rejected', () => {
    const [block] = blocksOf([trace('t', gate('g', 100, { 'gate.name': 'human', node_id: 'approval' }))]);
    expect(block).toMatchObject({ spanId: 'g', node: 'approval', followed: 'rejected' });
  });
  test('what followed is the route of the node that holds it; without one the run stopped', () => {
    const node = span('n', 90, 50, { node_id: 'draft', route: 'redact' });
    const other = span('m', 90, 50, { node_id: 'router', route: 'left' });
    expect(blocksOf([trace('t', node, other, agent('a', 100))])[0].followed).toBe('redact');
    expect(blocksOf([trace('t', other, agent('a', 100))])[0].followed).toBe('stopped');
  });
  test('are the newest first, whatever trace they are in, exact to the nanosecond', () => {
    const at = 1_795_679_369_287_000_000n;
    const first = { ...agent('a', 0), startTimeUnixNano: String(at) };
    const second = { ...agent('b', 0), startTimeUnixNano: String(at + 1n) };
    expect(blocksOf([trace('t', first), trace('u', second)]).map((block) => block.spanId)).toEqual(['b', 'a']);
  });
  test('are counted and filtered by rule and role', () => {
    const blocks = blocksOf([
      trace('t', agent('a', 1, { rule_id: 'cost' }), agent('b', 2), agent('c', 3, { role: 'critic' })),
    ]);
    expect(countBy(blocks, 'rule').map((group) => [group.name, group.blocks.length])).toEqual([
      ['pii.card', 2],
      ['cost', 1],
    ]);
    expect(filterBlocks(blocks, { rule: 'pii.card', role: 'critic' }).map((block) => block.spanId)).toEqual(['c']);
  });
});
