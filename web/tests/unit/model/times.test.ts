import { describe, expect, test } from 'vitest';
import { criticalPath } from '@/model/critical_path';
import { Kind, Verdict } from '@/model/outline';
import { findParallel } from '@/model/parallel';
import { selfStretches, selfTime } from '@/model/self_time';
import { axisMarks, findBreaks, kBreakWidth, timeAxis } from '@/model/time_axis';
import { buildTree } from '@/model/tree';
import { makeOutline } from './make_outline';

const trace = (spans: [number, number, number][]) => {
  const outline = makeOutline(spans.map(([parent, start, duration]) => ({ parent, start, duration })));
  return { outline, tree: buildTree(outline) };
};

describe('the critical path', () => {
  test('goes back from the end through the children that ended last', () => {
    // root 0–100; 1: 10–40; 2: 30–80 (parallel with 1); 3 below 2: 50–70
    const { outline, tree } = trace([
      [-1, 0, 100],
      [0, 10, 30],
      [0, 30, 50],
      [2, 50, 20],
    ]);
    expect(criticalPath(tree, outline, 0)).toEqual([
      { span: 0, start: 80, end: 100 },
      { span: 2, start: 70, end: 80 },
      { span: 3, start: 50, end: 70 },
      { span: 2, start: 30, end: 50 },
      // at 30 span 1 has not ended: it is not what was waited for
      { span: 0, start: 0, end: 30 },
    ]);
  });

  test('a child that outlives its parent counts up to the end of the parent', () => {
    const { outline, tree } = trace([
      [-1, 0, 10],
      [0, 5, 20],
    ]);
    expect(criticalPath(tree, outline, 0)).toEqual([
      { span: 1, start: 5, end: 10 },
      { span: 0, start: 0, end: 5 },
    ]);
  });

  test('covers the root exactly once', () => {
    const { outline, tree } = trace([
      [-1, 0, 1000],
      ...Array.from(
        { length: 200 },
        (_, i) => [i % 7 === 0 ? 0 : i, (i * 37) % 900, 1 + ((i * 53) % 90)] as [number, number, number],
      ),
    ]);
    const path = criticalPath(tree, outline, 0);
    expect(path.reduce((sum, each) => sum + each.end - each.start, 0)).toBe(1000);
    for (let i = 1; i < path.length; ++i) expect(path[i].end).toBe(path[i - 1].start);
  });
});

describe('parallel siblings', () => {
  test('are those that began before all before them had ended', () => {
    const { outline, tree } = trace([
      [-1, 0, 100],
      [0, 0, 30],
      [0, 10, 30], // overlaps 1
      [0, 35, 10], // overlaps 2
      [0, 45, 10], // begins when 3 ends: alone
    ]);
    const { groups, groupOf } = findParallel(tree, outline);
    expect(groups.map((group) => group.spans)).toEqual([[1, 2, 3]]);
    expect(Array.from(groupOf)).toEqual([-1, 0, 0, 0, -1]);
  });
});

test('gates and checks are not parallel to what they watch over', () => {
  const outline = makeOutline([
    { duration: 100 },
    { parent: 0, kind: Kind.agent, duration: 50 },
    { parent: 0, kind: Kind.gate, start: 40, duration: 5 },
    { parent: 0, kind: Kind.agent, start: 45, duration: 50 },
  ]);
  expect(findParallel(buildTree(outline), outline).groups.map((group) => group.spans)).toEqual([[1, 3]]);
});

describe('self time', () => {
  test('is what no child takes', () => {
    const { outline, tree } = trace([
      [-1, 0, 100],
      [0, 10, 20],
      [0, 20, 30],
      [0, 90, 50],
    ]);
    expect(selfStretches(tree, outline, 0)).toEqual([0, 10, 50, 90]);
    expect(selfTime(tree, outline, 0)).toBe(50);
    expect(selfTime(tree, outline, 3)).toBe(50);
  });
});

describe('the time axis', () => {
  const second = 1e9;

  test('folds a stretch of more than a third in which nothing ran', () => {
    const { outline, tree } = trace([
      [-1, 0, 3600 * second],
      [0, 0, 2 * second],
      [0, 3598 * second, 2 * second],
    ]);
    const breaks = findBreaks(outline, tree);
    expect(breaks).toEqual([{ start: 2 * second, end: 3598 * second }]);
    const axis = timeAxis(outline.total, breaks);
    // Two halves of two seconds each, and the break between them.
    expect(axis.at(2 * second)).toBeCloseTo((1 - kBreakWidth) / 2, 9);
    expect(axis.at(3598 * second)).toBeCloseTo((1 + kBreakWidth) / 2, 9);
    expect(axis.timeAt(axis.at(3599 * second))).toBeCloseTo(3599 * second, -1);
    for (const mark of axisMarks(axis, 0, 1, 10)) expect(mark > 2 * second && mark < 3598 * second).toBe(false);
  });

  test('a span that waits for a person is a pause, one that works is none', () => {
    const pause = (verdict: number) => {
      const outline = makeOutline([
        { duration: 100 * second },
        { parent: 0, duration: second },
        { parent: 0, start: second, duration: 98 * second, verdict },
        { parent: 0, start: 99 * second, duration: second },
      ]);
      return findBreaks(outline, buildTree(outline)).length;
    };
    expect(pause(Verdict.pending)).toBe(1);
    expect(pause(Verdict.none)).toBe(0);
  });

  test('a trace without duration still has an axis', () => {
    const axis = timeAxis(0);
    expect(axis.at(0)).toBe(0);
    expect(axisMarks(axis, 0, 1, 5).length).toBeGreaterThan(0);
  });

  test('marks are at round times', () => {
    expect(axisMarks(timeAxis(1e9), 0, 1, 5)).toEqual([0, 2e8, 4e8, 6e8, 8e8, 1e9]);
    expect(axisMarks(timeAxis(7200e9), 0, 1, 4)).toEqual([0, 1800e9, 3600e9, 5400e9, 7200e9]);
  });
});
