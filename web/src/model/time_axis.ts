// From a trace's time to a place between 0 and 1 on its axis. A stretch in which nothing ran for more than a third of the
// trace (a pause for a person, say, hours long) is folded into a narrow break, unless it was unfolded.
import { type Outline, Verdict } from './outline';
import type { Tree } from './tree';

export interface Break {
  readonly start: number;
  readonly end: number;
}

export interface TimeAxis {
  readonly total: number;
  readonly breaks: readonly Break[]; // those that are folded
  at(time: number): number;
  timeAt(place: number): number;
}

export const kBreakShareMin = 1 / 3;
export const kBreakWidth = 0.04;
const kBreakNsMin = 1e9; // shorter ones fit on a screen

// Stretches in which no span without children ran, those that wait for a person left out, longest rule above.
export function findBreaks(outline: Outline, tree: Tree): Break[] {
  const leaves: number[] = [];
  for (let i = 0; i < outline.count; ++i) {
    if (tree.firstChild[i] < 0 && outline.verdict[i] !== Verdict.pending) leaves.push(i);
  }
  if (leaves.length < 2) return [];
  leaves.sort((a, b) => outline.start[a] - outline.start[b]);
  const least = Math.max(outline.total * kBreakShareMin, kBreakNsMin);
  const breaks: Break[] = [];
  let ran = outline.start[leaves[0]] + outline.duration[leaves[0]];
  for (const leaf of leaves) {
    if (outline.start[leaf] - ran > least) breaks.push({ start: ran, end: outline.start[leaf] });
    ran = Math.max(ran, outline.start[leaf] + outline.duration[leaf]);
  }
  return breaks;
}

// `breaks`: apart, in order, within 0 and `total`.
export function timeAxis(total: number, breaks: readonly Break[] = []): TimeAxis {
  const whole = total > 0 ? total : 1;
  const folded = breaks.reduce((sum, each) => sum + each.end - each.start, 0);
  const scale = (1 - breaks.length * kBreakWidth) / Math.max(whole - folded, 1e-9);
  // Corners of the line that the axis is.
  const times = [0];
  const places = [0];
  for (const each of breaks) {
    const last = times.length - 1;
    const before = places[last] + (each.start - times[last]) * scale;
    times.push(each.start, each.end);
    places.push(before, before + kBreakWidth);
  }
  times.push(whole);
  places.push(1);
  const between = (from: number[], to: number[], value: number) => {
    let i = 1;
    while (i < from.length - 1 && value > from[i]) ++i;
    const width = from[i] - from[i - 1];
    return width > 0 ? to[i - 1] + ((value - from[i - 1]) / width) * (to[i] - to[i - 1]) : to[i - 1];
  };
  return {
    total: whole,
    breaks,
    at: (time) => between(times, places, time),
    timeAt: (place) => between(places, times, place),
  };
}

// Round steps for `about` marks between two times, in ns: 1, 2 or 5 times a power of ten, minutes and hours in their own.
export function niceStep(span: number, about: number): number {
  const rough = span / Math.max(about, 1);
  for (const step of [60e9, 120e9, 300e9, 600e9, 1800e9, 3600e9, 7200e9, 21600e9, 43200e9, 86400e9]) {
    if (rough > 30e9 && rough <= step) return step;
  }
  const unit = rough > 86400e9 ? 86400e9 : 1;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough / unit, 1e-9)));
  for (const factor of [1, 2, 5, 10]) if (rough / unit <= factor * power) return factor * power * unit;
  return 10 * power * unit;
}

// Times at which the axis has marks between two places; none lies within a break.
export function axisMarks(axis: TimeAxis, from: number, to: number, about: number): number[] {
  const marks: number[] = [];
  const visible = (to - from) * (1 - axis.breaks.length * kBreakWidth);
  const unfolded = axis.total - axis.breaks.reduce((sum, each) => sum + each.end - each.start, 0);
  const step = niceStep(visible * unfolded, about);
  const begins = [0, ...axis.breaks.map((each) => each.end)];
  const ends = [...axis.breaks.map((each) => each.start), axis.total];
  begins.forEach((begin, i) => {
    const low = Math.max(begin, axis.timeAt(from));
    const high = Math.min(ends[i], axis.timeAt(to));
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high && marks.length < 200; ++n) marks.push(n * step + 0);
  });
  return marks;
}
