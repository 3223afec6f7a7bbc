// The keys of the waterfall outside of the tree: Jaeger's, and ours.

import { type Binding, useKeys } from '@/app/keys';
import { rowHeight } from '@/app/settings';
import { copyText } from '@/ui/copy';
import { isTroubled, type TraceModel } from '../model';
import { panBy } from './timeline_head';
import { moveBy, moveTo } from './tree_keys';
import type { View } from './waterfall';

export function useWaterfallKeys(model: TraceModel, view: () => View) {
  useKeys(() => keysOf(model, view), [model]);
}

// The next span in the order of the tree for which `fits`, from the selected one on, round and round.
function next(model: TraceModel, view: View, step: 1 | -1, fits: (span: number) => boolean) {
  const { tree } = model;
  const from = model.selected.peek() < 0 ? (step > 0 ? -1 : 0) : tree.place[model.selected.peek()];
  for (let n = 1; n <= tree.count; ++n) {
    const span = tree.order[(((from + step * n) % tree.count) + tree.count) % tree.count];
    if (fits(span)) return moveTo(model, view, span, 'center');
  }
}

function collapseAll(model: TraceModel) {
  const all = new Set<number>();
  for (let span = 0; span < model.outline.count; ++span) if (model.tree.firstChild[span] >= 0) all.add(span);
  model.collapsed.value = all;
}

// Opens the highest level that is closed somewhere, or closes the lowest that is open.
function changeLevel(model: TraceModel, isCollapsing: boolean) {
  const { tree } = model;
  const collapsed = new Set(model.collapsed.peek());
  let level = isCollapsing ? -1 : Number.POSITIVE_INFINITY;
  for (const span of model.visible.peek()) {
    if (tree.firstChild[span] < 0 || collapsed.has(span) === isCollapsing) continue;
    level = isCollapsing ? Math.max(level, tree.depth[span]) : Math.min(level, tree.depth[span]);
  }
  for (let span = 0; span < tree.count; ++span) {
    if (tree.depth[span] !== level || tree.firstChild[span] < 0) continue;
    if (isCollapsing) collapsed.add(span);
    else collapsed.delete(span);
  }
  model.collapsed.value = collapsed;
}

export function nextMatch(model: TraceModel, view: View, step: 1 | -1) {
  const marks = model.isMatch.peek();
  if (marks) next(model, view, step, (span) => marks[span] === 1);
}

function keysOf(model: TraceModel, view: () => View): Binding[] {
  const group = 'Waterfall';
  const scroll = (rows: number) => view().scroller.scrollBy({ top: rows * rowHeight() });
  const key = (keys: string, does: string, run: Binding['run']): Binding => ({ keys, does, group, run });
  const step = (by: 1 | -1) => () => (model.isMatch.peek() ? nextMatch(model, view(), by) : moveBy(model, view(), by));
  return [
    key('j', 'next row', () => moveBy(model, view(), 1)),
    key('k', 'previous row', () => moveBy(model, view(), -1)),
    key('f', 'next visible span', step(1)),
    key('b', 'previous visible span', step(-1)),
    key('e', 'next error or block', () => next(model, view(), 1, (span) => isTroubled(model.outline, span))),
    key('E', 'previous error or block', () => next(model, view(), -1, (span) => isTroubled(model.outline, span))),
    key('n', 'next match', () => nextMatch(model, view(), 1)),
    key('N', 'previous match', () => nextMatch(model, view(), -1)),
    key('s', 'scroll down', () => scroll(3)),
    key('w', 'scroll up', () => scroll(-3)),
    key('S', 'scroll far down', () => scroll(20)),
    key('W', 'scroll far up', () => scroll(-20)),
    key('a', 'pan left', () => panBy(model, -0.1)),
    key('d', 'pan right', () => panBy(model, 0.1)),
    key('A', 'pan far left', () => panBy(model, -0.5)),
    key('D', 'pan far right', () => panBy(model, 0.5)),
    key('[', 'expand all', () => {
      model.collapsed.value = new Set();
    }),
    key(']', 'collapse all', () => collapseAll(model)),
    key('o', 'expand one level', () => changeLevel(model, false)),
    key('p', 'collapse one level', () => changeLevel(model, true)),
    key('c', 'critical path', () => model.change({ critical: !model.state.peek().critical })),
    key('l', 'live: follow the trace as it grows', () => {
      const isStopped = model.state.peek().live && !model.following.peek();
      model.following.value = true;
      if (!isStopped) model.change({ live: !model.state.peek().live });
    }),
    key('Ctrl+b', 'find', () => document.querySelector<HTMLInputElement>('.find input')?.focus()),
    key('y', 'copy the link', () => void copyText(window.location.href, 'the link is copied')),
    key('Escape', 'clear: what is found, then what is selected', () => {
      if (model.state.peek().find !== '') model.change({ find: '' });
      else if (model.selected.peek() >= 0) model.select(-1);
      else return false;
    }),
  ];
}
