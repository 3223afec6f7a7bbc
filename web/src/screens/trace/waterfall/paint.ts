// The bars of the rows that are shown, painted on one canvas.
import { isOutlined } from '@/model/look';
import { Flag, Verdict } from '@/model/outline';
import { selfStretches } from '@/model/self_time';
import { axisMarks } from '@/model/time_axis';
import { duration } from '@/model/units';
import type { TraceModel } from '../model';
import { colourOf } from './colour';
import type { Palette } from './palette';

export interface Scene {
  readonly model: TraceModel;
  readonly first: number; // rows [first, last)
  readonly last: number;
  readonly rowHeight: number;
  readonly width: number; // px
  readonly colours: Palette;
}

const kBarMin = 2;
const kSelfStretchesMax = 4000; // children of one span whose gaps are drawn

export function paint(context: CanvasRenderingContext2D, scene: Scene) {
  const { model, first, last, rowHeight, width } = scene;
  const ratio = window.devicePixelRatio || 1;
  const height = (last - first) * rowHeight;
  const { canvas } = context;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const x = placeOf(scene);
  paintGrid(context, scene, height, x);
  const rows = model.visible.peek();
  for (let row = first; row < last && row < rows.length; ++row)
    paintBar(context, scene, rows[row], (row - first) * rowHeight, x);
  paintLinks(context, scene, x);
  if (model.state.peek().critical) paintPath(context, scene, x);
}

// From a time to px.
export function placeOf({ model, width }: Pick<Scene, 'model' | 'width'>): (time: number) => number {
  const { from, to } = model.state.peek();
  const axis = model.axis.peek();
  return (time) => ((axis.at(time) - from) / (to - from)) * width;
}

function paintGrid(
  context: CanvasRenderingContext2D,
  { model, width, colours }: Scene,
  height: number,
  x: (time: number) => number,
) {
  const { from, to } = model.state.peek();
  const axis = model.axis.peek();
  context.fillStyle = colours.line;
  for (const mark of axisMarks(axis, from, to, width / 120)) context.fillRect(Math.round(x(mark)), 0, 1, height);
  for (const each of axis.breaks) {
    const [left, right] = [x(each.start), x(each.end)];
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height);
    context.clip();
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    for (let at = left - height; at < right; at += 8) {
      context.beginPath();
      context.moveTo(at, height);
      context.lineTo(at + height, 0);
      context.stroke();
    }
    context.restore();
  }
}

function paintBar(
  context: CanvasRenderingContext2D,
  scene: Scene,
  span: number,
  top: number,
  x: (time: number) => number,
) {
  const { model, rowHeight, width, colours } = scene;
  const { outline } = model;
  const isOpen = (outline.flags[span] & Flag.open) !== 0;
  const start = outline.start[span];
  const end = start + outline.duration[span];
  const left = x(start);
  const right = Math.max(x(end), left + kBarMin);
  const isMatch = model.isMatch.peek();
  const isDim = isMatch !== null && !isMatch[span];
  context.globalAlpha = isDim ? 0.25 : 1;
  const [y, height] = [top + rowHeight / 2 - 5, 10];
  if (right >= 0 && left <= width) {
    const colour = colourOf(model, span, colours);
    // What lies far outside is not drawn to its end: canvas coordinates are floats.
    const [l, r] = [Math.max(left, -10), Math.min(right, width + 10)];
    if (isOutlined(outline.kind[span])) {
      context.fillStyle = colours.background;
      context.fillRect(l, y, r - l, height);
      context.strokeStyle = colour;
      context.lineWidth = 1.5;
      context.strokeRect(l + 0.75, y + 0.75, Math.max(0.5, r - l - 1.5), height - 1.5);
    } else {
      fillBar(context, scene, span, colour, l, r, y, height, x);
    }
    if (outline.verdict[span] === Verdict.blocked) hatch(context, colours, l, r, y, height);
    if (isOpen) paintOpenEnd(context, colour, r, y, height);
    paintEvents(context, scene, span, y, height, x);
  }
  paintDuration(
    context,
    scene,
    span,
    isOpen ? `${duration(end - start)} …` : duration(outline.duration[span]),
    left,
    right,
    top,
  );
  context.globalAlpha = 1;
}

// What a span did itself is darker than what those below it did.
function fillBar(
  context: CanvasRenderingContext2D,
  scene: Scene,
  span: number,
  colour: string,
  left: number,
  right: number,
  y: number,
  height: number,
  x: (time: number) => number,
) {
  const { outline, tree } = scene.model;
  context.fillStyle = colour;
  if (tree.firstChild[span] < 0) {
    context.fillRect(left, y, right - left, height);
    return;
  }
  const alpha = context.globalAlpha;
  context.globalAlpha = alpha * 0.45;
  context.fillRect(left, y, right - left, height);
  context.globalAlpha = alpha;
  if (tree.siblings[tree.firstChild[span]] > kSelfStretchesMax) return;
  const own = selfStretches(tree, outline, span);
  for (let i = 0; i < own.length; i += 2) {
    const from = Math.max(x(own[i]), left);
    const to = Math.min(x(own[i + 1]), right);
    if (to - from > 0.2) context.fillRect(from, y, to - from, height);
  }
}

// Red with strokes across: told from an error without its colour.
function hatch(
  context: CanvasRenderingContext2D,
  colours: Palette,
  left: number,
  right: number,
  y: number,
  height: number,
) {
  context.save();
  context.beginPath();
  context.rect(left, y, right - left, height);
  context.clip();
  context.strokeStyle = colours.background;
  context.lineWidth = 1.5;
  for (let at = left - height; at < right; at += 5) {
    context.beginPath();
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
    context.stroke();
  }
  context.restore();
  context.strokeStyle = colours.bad;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, y + 0.5, Math.max(0.5, right - left - 1), height - 1);
}

function paintOpenEnd(context: CanvasRenderingContext2D, colour: string, right: number, y: number, height: number) {
  context.fillStyle = colour;
  for (let i = 0; i < 3; ++i) context.fillRect(right + 3 + i * 4, y + height / 2 - 1, 2, 2);
}

function paintEvents(
  context: CanvasRenderingContext2D,
  { model, colours, width }: Scene,
  span: number,
  y: number,
  height: number,
  x: (time: number) => number,
) {
  const times = model.outline.events.get(span);
  if (!times) return;
  context.fillStyle = colours.text;
  let last = Number.NEGATIVE_INFINITY;
  for (const time of times) {
    const at = Math.round(x(time));
    if (at - last < 2 || at < 0 || at > width) continue;
    context.fillRect(at, y - 2, 1, height + 4);
    last = at;
  }
}

// Beside the bar where there is room: to the right, else to the left, else within.
function paintDuration(
  context: CanvasRenderingContext2D,
  scene: Scene,
  span: number,
  text: string,
  left: number,
  right: number,
  top: number,
) {
  const { width, colours, rowHeight, model } = scene;
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  const room = context.measureText(text).width + 12;
  const y = top + rowHeight / 2 + 0.5;
  if (right < 0 || left > width) {
    // Off to a side: an arrow says where.
    context.fillStyle = colours.faint;
    context.fillText(right < 0 ? '◂' : '▸', right < 0 ? 4 : width - 12, y);
    return;
  }
  context.fillStyle = colours.faint;
  if (right + room <= width) {
    context.textAlign = 'left';
    context.fillText(text, right + 6 + (model.outline.flags[span] & Flag.open ? 12 : 0), y);
  } else if (left - room >= 0) {
    context.textAlign = 'right';
    context.fillText(text, left - 6, y);
    context.textAlign = 'left';
  } else {
    // Over the bar: on a ground of its own, so that it can be read on any colour.
    const at = Math.min(right, width) - 6;
    context.fillStyle = colours.background;
    context.fillRect(at - room + 9, top + rowHeight / 2 - 8, room - 3, 16);
    context.fillStyle = colours.text;
    context.textAlign = 'right';
    context.fillText(text, at, y);
    context.textAlign = 'left';
  }
}

// Arrows from a span to the spans that it links to, where both have a row; the other end may be out of sight.
function paintLinks(context: CanvasRenderingContext2D, scene: Scene, x: (time: number) => number) {
  const { model, first, rowHeight, colours } = scene;
  const { outline } = model;
  const rowOf = model.rowOf.peek();
  context.strokeStyle = colours.faint;
  context.fillStyle = colours.faint;
  context.lineWidth = 1;
  let drawn = 0;
  for (const link of outline.links) {
    if (link.to < 0 || link.from === link.to || drawn > 200) continue;
    const [a, b] = [rowOf[link.from], rowOf[link.to]];
    if (a < 0 || b < 0 || Math.max(a, b) < scene.first || Math.min(a, b) >= scene.last) continue;
    ++drawn;
    const from = { x: x(outline.start[link.from]), y: (a - first + 0.5) * rowHeight };
    const to = { x: x(outline.start[link.to] + outline.duration[link.to]), y: (b - first + 0.5) * rowHeight };
    const side = to.y > from.y ? 1 : -1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.bezierCurveTo(from.x - 18, from.y, to.x + 18, to.y - side * 6, to.x + 3, to.y);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(to.x + 1, to.y);
    context.lineTo(to.x + 7, to.y - 3.5);
    context.lineTo(to.x + 7, to.y + 3.5);
    context.fill();
  }
}

// A line through the bars, and from bar to bar.
function paintPath(context: CanvasRenderingContext2D, scene: Scene, x: (time: number) => number) {
  const { model, first, last, rowHeight, width, colours } = scene;
  const rowOf = model.rowOf.peek();
  context.fillStyle = colours.path;
  let before: { row: number; x: number } | null = null;
  let lastColumn = -1;
  for (const stretch of model.critical()) {
    let span = stretch.span;
    while (span >= 0 && rowOf[span] < 0) span = model.tree.parent[span]; // hidden: drawn on what hides it
    if (span < 0) continue;
    const row = rowOf[span];
    const [left, right] = [x(stretch.start), x(stretch.end)];
    const y = Math.round((row - first + 0.5) * rowHeight) - 1;
    if (row >= first && row < last && right >= 0 && left <= width) {
      context.fillRect(Math.max(left, 0), y, Math.max(1, Math.min(right, width) - Math.max(left, 0)), 2);
    }
    if (before && before.row !== row && right >= 0 && right <= width) {
      const other = Math.round((before.row - first + 0.5) * rowHeight) - 1;
      const [high, low] = [
        Math.max(Math.min(y, other), -2),
        Math.min(Math.max(y, other) + 2, (last - first) * rowHeight + 2),
      ];
      const column = Math.round(right);
      // Steps that fall on one another on the screen are one line.
      if (low > high && column !== lastColumn) {
        context.globalAlpha = 0.45;
        context.fillRect(column, high, 1, low - high);
        context.globalAlpha = 1;
      }
      lastColumn = column;
    }
    before = { row, x: left };
  }
}
