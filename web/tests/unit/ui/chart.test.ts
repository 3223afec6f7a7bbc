import { describe, expect, test } from 'vitest';
import { nearestDot, stacked } from '@/ui/chart/shapes';
import { layOut, pathThrough } from '@/ui/graph/layout';

test('bars stand on each other, the first on top', () => {
  expect(
    stacked([
      [1, null, 2],
      [3, null, null],
    ]),
  ).toEqual([
    [4, null, 2],
    [3, null, null],
  ]);
});

test('the nearest dot is found within reach', () => {
  const dots = [
    { x: 0, y: 0 },
    { x: 10, y: 0 },
  ];
  expect(nearestDot(dots, 7, 1, 5)).toBe(1);
  expect(nearestDot(dots, 50, 50, 5)).toBe(-1);
});

describe('a graph', () => {
  const box = (id: string) => ({ id, width: 50, height: 20 });
  const arrow = (from: string, to: string) => ({ id: `${from}${to}`, from, to, labelWidth: 0 });
  test('goes from left to right, loops included', () => {
    const layout = layOut(
      [box('a'), box('b'), box('c')],
      [arrow('a', 'b'), arrow('b', 'c'), arrow('c', 'a'), arrow('b', 'b')],
    );
    const x = (id: string) => layout.boxes.get(id)!.x;
    expect(x('a')).toBeLessThan(x('b'));
    expect(x('b')).toBeLessThan(x('c'));
    expect(layout.arrows.get('ca')!.points.length).toBeGreaterThan(1);
  });
  test('a path goes through its ends', () => {
    expect(
      pathThrough([
        { x: 0, y: 0 },
        { x: 5, y: 5 },
      ]),
    ).toBe('M0.0 0.0L5.0 5.0');
    expect(
      pathThrough([
        { x: 0, y: 0 },
        { x: 1, y: 2 },
        { x: 5, y: 5 },
      ]),
    ).toBe('M0.0 0.0Q1.0 2.0 5.0 5.0');
  });
});
