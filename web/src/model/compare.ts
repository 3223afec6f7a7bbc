// Two runs of one workflow, span by span: rows are matched by their path (name, node, which of its kind below its parent).
import { nameOf, nodeOf, type Outline } from './outline';
import type { Tree } from './tree';

export interface CompareRow {
  readonly key: string;
  readonly depth: number;
  readonly a: number; // span of the first trace; −1: it has none
  readonly b: number;
}

interface Side {
  readonly outline: Outline;
  readonly tree: Tree;
}

const labelOf = ({ outline }: Side, span: number): string => `${nameOf(outline, span)}\u0000${nodeOf(outline, span)}`;

function childrenOf({ tree }: Side, span: number): number[] {
  const out: number[] = [];
  if (span < 0) {
    for (let at = 0; at < tree.count; at = tree.end[at]) out.push(tree.order[at]);
    return out;
  }
  for (let child = tree.firstChild[span]; child >= 0; child = tree.nextSibling[child]) out.push(child);
  return out;
}

// In the order of the first trace; what only the second has stands behind what it followed there. No recursion.
export function matchTraces(a: Side, b: Side): CompareRow[] {
  const rows: CompareRow[] = [];
  const stack: { a: number; b: number; depth: number; key: string }[] = [];
  const push = (of: { a: number; b: number; depth: number; key: string } | null) => {
    const left = of && of.a < 0 ? [] : childrenOf(a, of ? of.a : -1);
    const right = of && of.b < 0 ? [] : childrenOf(b, of ? of.b : -1);
    const pairs = pairUp(
      left.map((span) => labelOf(a, span)),
      right.map((span) => labelOf(b, span)),
    );
    for (let i = pairs.length - 1; i >= 0; --i) {
      const [x, y] = pairs[i];
      stack.push({
        a: x < 0 ? -1 : left[x],
        b: y < 0 ? -1 : right[y],
        depth: of ? of.depth + 1 : 0,
        key: `${of?.key ?? ''}/${i}`,
      });
    }
  };
  push(null);
  for (let next = stack.pop(); next; next = stack.pop()) {
    rows.push(next);
    push(next);
  }
  return rows;
}

// Pairs of places in two lists: the n-th of a label with the n-th of the same; −1 where the other list has none.
export function pairUp(left: readonly string[], right: readonly string[]): [number, number][] {
  const ordinals = (labels: readonly string[]) => {
    const seen = new Map<string, number>();
    return labels.map((label) => {
      const n = seen.get(label) ?? 0;
      seen.set(label, n + 1);
      return `${label}\u0000${n}`;
    });
  };
  const [l, r] = [ordinals(left), ordinals(right)];
  const inRight = new Map(r.map((key, i) => [key, i]));
  const inLeft = new Set(l);
  // What only the right has, behind the nearest before it that both have.
  const extra = new Map<string, number[]>();
  let anchor = '';
  r.forEach((key, i) => {
    if (inLeft.has(key)) anchor = key;
    else {
      const list = extra.get(anchor);
      if (list) list.push(i);
      else extra.set(anchor, [i]);
    }
  });
  const out: [number, number][] = (extra.get('') ?? []).map((i) => [-1, i]);
  l.forEach((key, i) => {
    out.push([i, inRight.get(key) ?? -1]);
    for (const each of extra.get(key) ?? []) out.push([-1, each]);
  });
  return out;
}

// Whether a row says something else on one side: it is missing there, ended otherwise, cost otherwise, or took another time
// (by more than a tenth and a millisecond).
export function isChanged(a: Outline, b: Outline, row: CompareRow): boolean {
  if (row.a < 0 || row.b < 0) return true;
  if (a.verdict[row.a] !== b.verdict[row.b] || a.status[row.a] !== b.status[row.b]) return true;
  if (!same(a.cost[row.a], b.cost[row.b]) || !same(a.tokens[row.a], b.tokens[row.b])) return true;
  const [x, y] = [a.duration[row.a], b.duration[row.b]];
  return Math.abs(x - y) > Math.max(1e6, 0.1 * Math.max(x, y));
}

const same = (x: number, y: number) => x === y || (Number.isNaN(x) && Number.isNaN(y));

export interface AttributeChange {
  readonly key: string;
  readonly a: string | null;
  readonly b: string | null;
}

interface Attribute {
  readonly key: string;
  readonly value: unknown;
}

// Keys whose values differ, sorted. `ignored`: those that differ between any two runs.
export function changedAttributes(
  a: readonly Attribute[],
  b: readonly Attribute[],
  ignored: RegExp,
): AttributeChange[] {
  const map = (list: readonly Attribute[]) =>
    new Map(list.map(({ key, value }) => [key, value === null ? '' : String(value)]));
  const [x, y] = [map(a), map(b)];
  return [...new Set([...x.keys(), ...y.keys()])]
    .filter((key) => !ignored.test(key) && x.get(key) !== y.get(key))
    .sort()
    .map((key) => ({ key, a: x.get(key) ?? null, b: y.get(key) ?? null }));
}
