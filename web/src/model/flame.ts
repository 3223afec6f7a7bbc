// A trace as a flame: siblings of one name are one frame. A frame is as wide as all that is in it: its own part and its
// children's, in time, money or tokens.
import { type Outline, Status, Verdict } from './outline';
import { titleOf } from './row_words';
import { selfTime } from './self_time';
import type { Tree } from './tree';

export const kFlameUnits = ['time', 'cost', 'tokens'] as const;
export type FlameUnit = (typeof kFlameUnits)[number];

export interface Frame {
  readonly id: number; // place in `frames`; parents before children
  readonly parent: number; // −1: at the top
  readonly depth: number;
  readonly name: string;
  readonly spans: readonly number[];
  readonly self: number;
  readonly total: number;
  readonly start: number; // where it begins, in the unit, from the left
  readonly errors: number;
  readonly blocked: number;
}

export interface Flame {
  readonly frames: readonly Frame[];
  readonly total: number;
  readonly depth: number; // rows
}

// What a span has of its own: what it says, less what those below it say. ns, nano-dollars or tokens; never below 0.
export function ownParts(outline: Outline, tree: Tree, unit: FlameUnit): Float64Array {
  const own = new Float64Array(outline.count);
  if (unit === 'time') {
    for (let span = 0; span < outline.count; ++span) own[span] = selfTime(tree, outline, span);
    return own;
  }
  const said = unit === 'cost' ? outline.cost : outline.tokens;
  // What the nearest spans below say, those that say nothing passed through.
  const below = new Float64Array(outline.count);
  for (let at = tree.count - 1; at >= 0; --at) {
    const span = tree.order[at];
    const isSaid = !Number.isNaN(said[span]);
    own[span] = isSaid ? Math.max(0, said[span] - below[span]) : 0;
    const above = tree.parent[span];
    if (above >= 0) below[above] += isSaid ? Math.max(said[span], below[span]) : below[span];
  }
  return own;
}

interface Growing {
  name: string;
  parent: number;
  depth: number;
  spans: number[];
  self: number;
  total: number;
  start: number;
  errors: number;
  blocked: number;
  children: Map<string, number>;
}

export function flameOf(outline: Outline, tree: Tree, unit: FlameUnit): Flame {
  const own = ownParts(outline, tree, unit);
  const frames: Growing[] = [];
  const frameOf = new Int32Array(outline.count).fill(-1);
  const top = new Map<string, number>();
  for (let at = 0; at < tree.count; ++at) {
    const span = tree.order[at];
    const parent = tree.parent[span] < 0 ? -1 : frameOf[tree.parent[span]];
    const siblings = parent < 0 ? top : frames[parent].children;
    const label = titleOf(outline, span);
    let frame = siblings.get(label);
    if (frame === undefined) {
      frame = frames.length;
      siblings.set(label, frame);
      const depth = parent < 0 ? 0 : frames[parent].depth + 1;
      frames.push({
        name: label,
        parent,
        depth,
        spans: [],
        self: 0,
        total: 0,
        start: 0,
        errors: 0,
        blocked: 0,
        children: new Map(),
      });
    }
    frameOf[span] = frame;
    frames[frame].spans.push(span);
    frames[frame].self += own[span];
    if (outline.status[span] === Status.error) frames[frame].errors += 1;
    if (outline.verdict[span] === Verdict.blocked) frames[frame].blocked += 1;
  }
  let depth = 0;
  for (let i = frames.length - 1; i >= 0; --i) {
    const frame = frames[i];
    depth = Math.max(depth, frame.depth + 1);
    frame.total += frame.self;
    if (frame.parent >= 0) frames[frame.parent].total += frame.total;
  }
  let sum = 0;
  const place = (children: Iterable<number>, from: number) => {
    let start = from;
    const widest = [...children].sort((a, b) => frames[b].total - frames[a].total || a - b);
    for (const child of widest) {
      frames[child].start = start;
      start += frames[child].total;
    }
    return start;
  };
  sum = place(top.values(), 0);
  for (const frame of frames) place(frame.children.values(), frame.start);
  return { frames: frames.map(({ children: _, ...frame }, id) => ({ id, ...frame })), total: sum, depth };
}
