// Which siblings ran at the same time. A group is a longest run of siblings, in order of start, each of which began
// before all of those before it had ended. What only watches over the others (gates, policy checks, ledger writes) is in
// none: it overlaps with what it is about, and is not what a reader means.
import { Kind } from './outline';
import type { Tree } from './tree';

export interface ParallelGroup {
  readonly spans: readonly number[]; // two or more, in order of start
}

interface Spans {
  readonly start: Float64Array;
  readonly duration: Float64Array;
  readonly kind: Uint8Array;
}

const watches = (kind: number) => kind === Kind.gate || kind === Kind.policy || kind === Kind.ledger;

export interface Parallel {
  readonly groups: readonly ParallelGroup[];
  readonly groupOf: Int32Array; // span → its group; −1 none
}

// O(n).
export function findParallel(tree: Tree, times: Spans): Parallel {
  const groups: ParallelGroup[] = [];
  const groupOf = new Int32Array(tree.count).fill(-1);
  for (let parent = 0; parent < tree.count; ++parent) {
    let current: number[] = [];
    let end = Number.NEGATIVE_INFINITY;
    const close = () => {
      if (current.length < 2) return;
      for (const span of current) groupOf[span] = groups.length;
      groups.push({ spans: current });
    };
    for (let child = tree.firstChild[parent]; child >= 0; child = tree.nextSibling[child]) {
      if (watches(times.kind[child])) continue;
      if (times.start[child] < end) {
        current.push(child);
      } else {
        close();
        current = [child];
      }
      end = Math.max(end, times.start[child] + times.duration[child]);
    }
    close();
  }
  return { groups, groupOf };
}
