import { describe, expect, test } from 'vitest';
import { Flag, nameOf, type OpenSpan, readOutline, roleOf } from '@/model/outline';
import { mergeOutline, withOpenSpans } from '@/model/outline_merge';
import { answerOf } from './make_outline';

const open = (id: string, parent: string, start: string): OpenSpan => ({
  span_id: id,
  parent_span_id: parent,
  name: 'opened',
  service: '',
  role: 'critic',
  node: '',
  agent: '',
  kind: 3,
  start_ns: start,
});

describe('an outline that grows', () => {
  const base = answerOf([{ name: 'child', parent: -2, start: 5, role: 'planner' }], {
    revision: '1',
    start_ns: '1000',
  });

  test('takes rows whose names stand in lists of their own, and an earlier start', () => {
    const delta = answerOf([{ name: 'root', duration: 20, role: 'executor' }], {
      revision: '2',
      since: '1',
      start_ns: '900',
      reparented: [[0, 1]],
    });
    delta.span_ids = '00000000000000ff';
    const merged = readOutline('a', mergeOutline(base, delta)!);
    expect([nameOf(merged, 0), nameOf(merged, 1)]).toEqual(['child', 'root']);
    expect([roleOf(merged, 0), roleOf(merged, 1)]).toEqual(['planner', 'executor']);
    expect(Array.from(merged.start)).toEqual([105, 0]);
    expect(Array.from(merged.parent)).toEqual([1, -1]);
    expect(merged.spanId(1)).toBe('00000000000000ff');
    expect(merged.revision).toBe('2');
    expect(base.columns.parent).toEqual([-2]); // unchanged
  });

  test('is read again where the answer goes on from another revision', () => {
    expect(mergeOutline(base, answerOf([{}], { since: '7' }))).toBe(null);
  });

  test('is replaced by one that is whole', () => {
    const whole = answerOf([{}, {}], { revision: '9' });
    expect(mergeOutline(base, whole)).toBe(whole);
  });
});

describe('open spans', () => {
  test('are rows behind the others, below their parents, and take in children that waited for them', () => {
    const answer = answerOf([{ name: 'done', parent: -2, start: 10 }], {
      start_ns: '1000',
      missing: [{ span_id: 'aaaaaaaaaaaaaaaa', children: [0] }],
      open: [open('aaaaaaaaaaaaaaaa', '', '990'), open('bbbbbbbbbbbbbbbb', 'aaaaaaaaaaaaaaaa', '1005')],
    });
    const outline = readOutline('a', withOpenSpans(answer));
    expect(Array.from(outline.parent)).toEqual([1, -1, 1]);
    expect(Array.from(outline.start)).toEqual([20, 0, 15]);
    expect(outline.flags[1]).toBe(Flag.open);
    expect(outline.missing).toEqual([]);
  });

  test('that have arrived since are not rows twice', () => {
    const answer = answerOf([{}], { open: [open('0000000000000001', '', '1764000000000000000')] });
    expect(withOpenSpans(answer)).toBe(answer);
  });
});
