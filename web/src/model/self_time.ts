// What of a span's time none of its children takes.
import type { Tree } from './tree';

interface Times {
  readonly start: Float64Array;
  readonly duration: Float64Array;
}

// Stretches [start, end, start, end, …] of the span's own time, in order. O(children).
export function selfStretches(tree: Tree, times: Times, span: number): number[] {
  const from = times.start[span];
  const to = from + times.duration[span];
  const out: number[] = [];
  let at = from;
  for (let child = tree.firstChild[span]; child >= 0 && at < to; child = tree.nextSibling[child]) {
    const start = Math.min(times.start[child], to);
    if (start > at) out.push(at, start);
    at = Math.max(at, Math.min(times.start[child] + times.duration[child], to));
  }
  if (at < to) out.push(at, to);
  return out;
}

export function selfTime(tree: Tree, times: Times, span: number): number {
  const stretches = selfStretches(tree, times, span);
  let sum = 0;
  for (let i = 0; i < stretches.length; i += 2) sum += stretches[i + 1] - stretches[i];
  return sum;
}
