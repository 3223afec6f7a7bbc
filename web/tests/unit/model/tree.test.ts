import { describe, expect, test } from 'vitest';
import { buildTree, countBelow, visibleSpans } from '@/model/tree';
import { makeOutline } from './make_outline';

const placesOf = (parents: number[], starts: number[] = parents.map((_, i) => i)) =>
  buildTree(makeOutline(parents.map((parent, i) => ({ parent, start: starts[i] }))));

describe('the tree of a trace', () => {
  test('children stand below their parent in order of start', () => {
    //  0 ─ 1 ─ 3
    //    └ 2          2 began before 1
    const tree = placesOf([-1, 0, 0, 1], [0, 5, 2, 6]);
    expect(Array.from(tree.order)).toEqual([0, 2, 1, 3]);
    expect(Array.from(tree.depth)).toEqual([0, 1, 1, 2]);
    expect(Array.from(tree.end)).toEqual([4, 2, 4, 4]);
    expect([tree.position[2], tree.siblings[2], tree.position[1]]).toEqual([1, 2, 2]);
    expect(countBelow(tree, 0)).toBe(3);
  });

  test('a span whose parent has not arrived stands at the top', () => {
    const tree = placesOf([-1, -2, 1]);
    expect(Array.from(tree.order)).toEqual([0, 1, 2]);
    expect(Array.from(tree.depth)).toEqual([0, 0, 1]);
  });

  test('parents in a circle: cut at the earliest span, every span shown once', () => {
    // 0 is a root; 1 → 2 → 3 → 1, and 4 hangs below 3.
    const tree = placesOf([-1, 3, 1, 2, 3]);
    expect(Array.from(tree.order)).toEqual([0, 1, 2, 3, 4]);
    expect(Array.from(tree.depth)).toEqual([0, 0, 1, 2, 3]);
    expect(tree.cut).toBe(1);
  });

  test('a span that is its own parent is a root', () => {
    expect(Array.from(placesOf([0]).order)).toEqual([0]);
  });

  test('no spans, no tree', () => {
    const tree = placesOf([]);
    expect(tree.count).toBe(0);
    expect(visibleSpans(tree, new Set()).length).toBe(0);
  });

  test('100,000 levels need no stack', () => {
    const tree = buildTree(makeOutline(Array.from({ length: 100_000 }, (_, i) => ({ parent: i - 1, name: 'same' }))));
    expect(tree.depthMax).toBe(99_999);
  });

  test('what is collapsed hides all below it', () => {
    const tree = placesOf([-1, 0, 1, 0]);
    expect(Array.from(visibleSpans(tree, new Set([1])))).toEqual([0, 1, 3]);
    expect(Array.from(visibleSpans(tree, new Set([0])))).toEqual([0]);
    expect(Array.from(visibleSpans(tree, new Set([0, 1])))).toEqual([0]);
  });
});
