// The spans of a trace as a tree, whatever their parents say: spans whose parents are missing stand at the top, and a
// circle of parents is cut at its earliest span. No recursion: a trace may be thousands deep.

// "Place" is a span's position in the order of the tree, parents before children. Immutable.
export interface Tree {
  readonly count: number;
  readonly order: Int32Array; // place → span
  readonly place: Int32Array; // span → place
  readonly parent: Int32Array; // span → span; −1 at the top
  readonly depth: Int32Array; // by span; 0 at the top
  readonly end: Int32Array; // by place: the first place after all below it
  readonly position: Int32Array; // by span: 1 for the first of its siblings
  readonly siblings: Int32Array; // by span: how many they are, itself included
  readonly firstChild: Int32Array; // by span; −1 none; children are in order of start
  readonly nextSibling: Int32Array;
  readonly depthMax: number;
  readonly cut: number; // circles that were cut
}

interface Spans {
  readonly count: number;
  readonly parent: Int32Array;
  readonly start: Float64Array;
}

function inOrderOfStart({ count, start }: Spans): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = 1; i < count; ++i) {
    if (start[i] < start[i - 1]) return order.sort((a, b) => start[a] - start[b] || a - b);
  }
  return order;
}

// O(n), or O(n log n) where the spans are not in order of start.
export function buildTree(spans: Spans): Tree {
  const { count } = spans;
  const parent = new Int32Array(count);
  for (let i = 0; i < count; ++i) parent[i] = spans.parent[i] >= 0 && spans.parent[i] !== i ? spans.parent[i] : -1;
  const byStart = inOrderOfStart(spans);
  const firstChild = new Int32Array(count).fill(-1);
  const nextSibling = new Int32Array(count).fill(-1);
  for (let k = count - 1; k >= 0; --k) {
    const span = byStart[k];
    if (parent[span] >= 0) {
      nextSibling[span] = firstChild[parent[span]];
      firstChild[parent[span]] = span;
    }
  }

  const order = new Int32Array(count);
  const place = new Int32Array(count).fill(-1);
  const depth = new Int32Array(count);
  const end = new Int32Array(count);
  const stack = new Int32Array(count);
  let placed = 0;
  let depthMax = 0;
  const visit = (top: number) => {
    let height = 0;
    const enter = (span: number) => {
      depth[span] = height;
      depthMax = Math.max(depthMax, height);
      place[span] = placed;
      order[placed++] = span;
      stack[height++] = span;
    };
    enter(top);
    let next = firstChild[top];
    while (height > 0) {
      if (next >= 0 && place[next] < 0) {
        enter(next);
        next = firstChild[next];
        continue;
      }
      if (next >= 0) {
        next = nextSibling[next]; // the top of a cut circle
        continue;
      }
      const done = stack[--height];
      end[place[done]] = placed;
      next = height > 0 ? nextSibling[done] : -1;
    }
  };
  for (const span of byStart) if (parent[span] < 0) visit(span);
  let cut = 0;
  for (const span of byStart) {
    if (place[span] >= 0) continue;
    unlink(span, parent, firstChild, nextSibling);
    ++cut;
    visit(span);
  }

  const position = new Int32Array(count);
  const siblings = new Int32Array(count);
  const number = (members: number[]) => {
    members.forEach((span, i) => {
      position[span] = i + 1;
      siblings[span] = members.length;
    });
  };
  number(Array.from(order).filter((span) => parent[span] < 0));
  for (let span = 0; span < count; ++span) {
    if (firstChild[span] < 0) continue;
    let length = 0;
    for (let child = firstChild[span]; child >= 0; child = nextSibling[child]) position[child] = ++length;
    for (let child = firstChild[span]; child >= 0; child = nextSibling[child]) siblings[child] = length;
  }
  return { count, order, place, parent, depth, end, position, siblings, firstChild, nextSibling, depthMax, cut };
}

function unlink(span: number, parent: Int32Array, firstChild: Int32Array, nextSibling: Int32Array) {
  const above = parent[span];
  parent[span] = -1;
  if (firstChild[above] === span) {
    firstChild[above] = nextSibling[span];
  } else {
    let before = firstChild[above];
    while (nextSibling[before] !== span) before = nextSibling[before];
    nextSibling[before] = nextSibling[span];
  }
  nextSibling[span] = -1;
}

// The spans to show, in order, where those in `collapsed` hide what is below them. O(n).
export function visibleSpans(tree: Tree, collapsed: ReadonlySet<number>): Int32Array {
  if (collapsed.size === 0) return tree.order;
  const out = new Int32Array(tree.count);
  let length = 0;
  for (let at = 0; at < tree.count; ) {
    const span = tree.order[at];
    out[length++] = span;
    at = collapsed.has(span) ? tree.end[at] : at + 1;
  }
  return out.subarray(0, length);
}

// How many spans are below one.
export const countBelow = (tree: Tree, span: number): number => tree.end[tree.place[span]] - tree.place[span] - 1;

export function ancestorsOf(tree: Tree, span: number): number[] {
  const out: number[] = [];
  for (let above = tree.parent[span]; above >= 0; above = tree.parent[above]) out.push(above);
  return out;
}
