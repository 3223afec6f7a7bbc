// How the work flowed through a trace: boxes for nodes (else agents, else names of spans), arrows for hand-overs. A
// hand-over is not recorded as such; it is what the times say: of the boxes beside each other below one parent, one follows
// those that had ended last before it began. A link "block" is the way that was taken after a block.
import { agentOf, Kind, nameOf, nodeOf, type Outline, Status, Verdict } from './outline';
import type { Tree } from './tree';

export interface GraphBox {
  readonly id: string;
  readonly label: string;
  readonly spans: readonly number[]; // executions, in order of start
  readonly duration: number; // ns, all of them
  readonly cost: number; // nano-dollars; NaN none
  readonly errors: number;
  readonly blocked: number;
  readonly pending: number;
  readonly toneSpan: number; // whose colour it wears
}
export interface GraphArrow {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly isBlock: boolean;
}
export interface AgentGraph {
  readonly boxes: readonly GraphBox[];
  readonly arrows: readonly GraphArrow[];
  readonly of: 'nodes' | 'agents' | 'spans';
}

export function agentGraph(outline: Outline, tree: Tree, isAggregated: boolean): AgentGraph {
  const all = Array.from(tree.order);
  const ofKind = (kind: number) => all.filter((span) => outline.kind[span] === kind);
  const nodes = ofKind(Kind.node);
  const agents = nodes.length > 0 ? [] : ofKind(Kind.agent);
  const of = nodes.length > 0 ? 'nodes' : agents.length > 0 ? 'agents' : 'spans';
  const spans = of === 'nodes' ? nodes : of === 'agents' ? agents : all;
  const labelOf = (span: number) =>
    (of === 'nodes' ? nodeOf(outline, span) : of === 'agents' ? agentOf(outline, span) : '') || nameOf(outline, span);
  // Boxes of one name below another box are apart from those of the same name elsewhere.
  const isBox = new Uint8Array(outline.count);
  for (const span of spans) isBox[span] = 1;
  const boxAbove = (span: number): number => {
    let above = tree.parent[span];
    while (above >= 0 && !isBox[above]) above = tree.parent[above];
    return above;
  };
  const ids = new Map<number, string>();
  for (const span of spans) {
    const above = of === 'spans' ? -1 : boxAbove(span);
    const prefix = above >= 0 ? `${ids.get(above)}/` : '';
    ids.set(span, isAggregated ? `${prefix}${labelOf(span)}` : `${prefix}${labelOf(span)}#${span}`);
  }
  const groups = new Map<string, number[]>();
  for (const span of spans) {
    const id = ids.get(span)!;
    const members = groups.get(id);
    if (members) members.push(span);
    else groups.set(id, [span]);
  }
  const boxes = [...groups].map(([id, members]) => boxOf(outline, tree, id, labelOf(members[0]), members, isBox));
  const arrows = new Map<string, { from: string; to: string; count: number; isBlock: boolean }>();
  const add = (from: number, to: number, isBlock: boolean) => {
    const [a, b] = [ids.get(from), ids.get(to)];
    if (a === undefined || b === undefined || (a === b && from === to)) return;
    const key = `${a}\n${b}\n${isBlock}`;
    const known = arrows.get(key);
    if (known) known.count += 1;
    else arrows.set(key, { from: a, to: b, count: 1, isBlock });
  };
  if (of === 'spans') {
    for (const span of spans) if (tree.parent[span] >= 0) add(tree.parent[span], span, false);
  } else {
    const afterBlock = blockLinks(outline, tree, isBox);
    const families = new Map<number, number[]>();
    for (const span of spans) {
      const above = boxAbove(span);
      const members = families.get(above);
      if (members) members.push(span);
      else families.set(above, [span]);
    }
    for (const [above, members] of families) {
      members.sort((a, b) => outline.start[a] - outline.start[b] || a - b);
      for (const span of members) {
        const blocked = afterBlock.get(span);
        if (blocked !== undefined) add(blocked, span, true);
        else for (const before of predecessors(outline, members, span)) add(before, span, false);
      }
      // What a box called stands behind it.
      if (above >= 0) for (const first of firstWave(outline, members)) add(above, first, false);
    }
  }
  return { boxes, arrows: [...arrows.values()], of };
}

const endOf = (outline: Outline, span: number) => outline.start[span] + outline.duration[span];

// Those that had ended before `span` began, less those that another of them followed.
export function predecessors(outline: Outline, members: readonly number[], span: number): number[] {
  const begin = outline.start[span];
  const ended = members.filter((each) => each !== span && endOf(outline, each) <= begin);
  const latestStart = Math.max(...ended.map((each) => outline.start[each]));
  return ended.filter((each) => endOf(outline, each) > latestStart || outline.start[each] === latestStart);
}

const firstWave = (outline: Outline, members: readonly number[]): number[] =>
  members.filter((each) => predecessors(outline, members, each).length === 0);

// Box → the box whose block it follows.
function blockLinks(outline: Outline, tree: Tree, isBox: Uint8Array): Map<number, number> {
  const found = new Map<number, number>();
  const boxOf = (span: number): number => {
    let each = span;
    while (each >= 0 && !isBox[each]) each = tree.parent[each];
    return each;
  };
  for (const link of outline.links) {
    if (link.to < 0 || link.type !== 'block') continue;
    const [from, to] = [boxOf(link.from), boxOf(link.to)];
    if (from >= 0 && to >= 0 && from !== to) found.set(from, to);
  }
  return found;
}

function boxOf(outline: Outline, tree: Tree, id: string, label: string, spans: number[], isBox: Uint8Array): GraphBox {
  spans.sort((a, b) => outline.start[a] - outline.start[b]);
  let [duration, cost, errors, blocked, pending] = [0, Number.NaN, 0, 0, 0];
  let toneSpan = spans[0];
  for (const span of spans) {
    duration += outline.duration[span];
    let spanCost = outline.cost[span];
    let below = 0;
    // A node's money is its agents'.
    for (let at = tree.place[span]; at < tree.end[tree.place[span]]; ++at) {
      const each = tree.order[at];
      if (each !== span && isBox[each]) {
        at = tree.end[at] - 1;
        continue;
      }
      if (outline.kind[each] === Kind.agent) {
        if (each !== span && !Number.isNaN(outline.cost[each])) below += outline.cost[each];
        toneSpan = each;
      }
      if (outline.status[each] === Status.error) ++errors;
      if (outline.verdict[each] === Verdict.blocked) ++blocked;
      if (outline.verdict[each] === Verdict.pending) ++pending;
    }
    if (Number.isNaN(spanCost) && below > 0) spanCost = below;
    if (!Number.isNaN(spanCost)) cost = (Number.isNaN(cost) ? 0 : cost) + spanCost;
  }
  return { id, label, spans, duration, cost, errors, blocked, pending, toneSpan };
}
