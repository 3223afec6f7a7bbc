// Boxes and arrows from left to right (dagre, ranker tight-tree).
import { layout as dagre, Graph } from '@dagrejs/dagre';

export interface Box {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}
export interface Arrow {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly labelWidth: number; // px; 0: no label
}
export interface Place {
  readonly x: number; // of the middle
  readonly y: number;
}
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Place>;
  readonly arrows: ReadonlyMap<string, { points: readonly Place[]; label: Place | null }>;
}

const kMargin = 12;

export function layOut(boxes: readonly Box[], arrows: readonly Arrow[]): Layout {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', ranker: 'tight-tree', nodesep: 18, ranksep: 44, marginx: kMargin, marginy: kMargin });
  for (const box of boxes) graph.setNode(box.id, { width: box.width, height: box.height });
  for (const arrow of arrows) {
    graph.setEdge(
      arrow.from,
      arrow.to,
      { width: arrow.labelWidth, height: arrow.labelWidth > 0 ? 16 : 0, labelpos: 'c' },
      arrow.id,
    );
  }
  dagre(graph);
  const { width = 0, height = 0 } = graph.graph();
  const placed = new Map<string, { points: Place[]; label: Place | null }>();
  for (const arrow of arrows) {
    const edge = graph.edge({ v: arrow.from, w: arrow.to, name: arrow.id });
    placed.set(arrow.id, {
      points: edge.points ?? [],
      label: arrow.labelWidth > 0 && edge.x !== undefined && edge.y !== undefined ? { x: edge.x, y: edge.y } : null,
    });
  }
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    boxes: new Map(boxes.map(({ id }) => [id, { x: graph.node(id).x, y: graph.node(id).y }])),
    arrows: placed,
  };
}

// A smooth line through points.
export function pathThrough(points: readonly Place[]): string {
  if (points.length < 2) return '';
  const at = ({ x, y }: Place) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  let path = `M${at(points[0])}`;
  for (let i = 1; i < points.length - 1; ++i) {
    const middle = { x: (points[i].x + points[i + 1].x) / 2, y: (points[i].y + points[i + 1].y) / 2 };
    path += `Q${at(points[i])} ${at(i === points.length - 2 ? points[i + 1] : middle)}`;
  }
  if (points.length === 2) path += `L${at(points[1])}`;
  return path;
}
