// The critical path: for each moment of a trace, the one span that its end was waiting for. Followed backwards from the
// end of the root, always into the child that ended last before the moment reached (the rule of Jaeger's UI; a child that
// outlives its parent is cut off at its end).
import type { Tree } from './tree';

export interface Stretch {
  readonly span: number;
  readonly start: number;
  readonly end: number;
}

interface Times {
  readonly start: Float64Array;
  readonly duration: Float64Array;
}

// Stretches below `root`, from the last to the first; they touch, do not overlap, and cover the root. O(n log n).
export function criticalPath(tree: Tree, times: Times, root: number): Stretch[] {
  const out: Stretch[] = [];
  const latest = new Map<number, { spans: number[]; next: number }>();
  // Bounds of a span within those above it on the path.
  const from = new Map<number, number>();
  const to = new Map<number, number>();
  from.set(root, times.start[root]);
  to.set(root, times.start[root] + times.duration[root]);
  const childrenOf = (span: number) => {
    let list = latest.get(span);
    if (!list) {
      const spans: number[] = [];
      const low = from.get(span)!;
      const high = to.get(span)!;
      for (let child = tree.firstChild[span]; child >= 0; child = tree.nextSibling[child]) {
        const start = Math.max(times.start[child], low);
        const end = Math.min(times.start[child] + times.duration[child], high);
        if (times.start[child] >= high || end <= start) continue;
        from.set(child, start);
        to.set(child, end);
        spans.push(child);
      }
      spans.sort((a, b) => to.get(b)! - to.get(a)! || from.get(b)! - from.get(a)!);
      list = { spans, next: 0 };
      latest.set(span, list);
    }
    return list;
  };
  const emit = (span: number, start: number, end: number) => {
    if (end > start) out.push({ span, start, end });
  };
  const stack: number[] = [root];
  let moment = to.get(root)!;
  while (stack.length > 0) {
    const span = stack[stack.length - 1];
    const children = childrenOf(span);
    while (children.next < children.spans.length && to.get(children.spans[children.next])! > moment) ++children.next;
    const child = children.spans[children.next++];
    if (child === undefined) {
      emit(span, from.get(span)!, moment);
      moment = from.get(span)!;
      stack.pop();
    } else {
      emit(span, to.get(child)!, moment);
      moment = to.get(child)!;
      stack.push(child);
    }
  }
  return out;
}
