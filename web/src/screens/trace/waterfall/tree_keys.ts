// The keys of the tree, as in any ARIA treegrid, and how a row comes into sight.
import { batch } from '@preact/signals';
import { rowHeight } from '@/app/settings';
import type { TraceModel } from '../model';
import { kIndent } from './row';
import type { View } from './waterfall';

// Selects a span and scrolls to it, as little as need be, or to the middle.
export function moveTo(model: TraceModel, view: View, span: number, block: 'nearest' | 'center' = 'nearest') {
  batch(() => {
    model.following.value = false;
    model.select(span);
    const row = model.rowOf.value[span];
    const height = rowHeight();
    const { scroller } = view;
    const top = row * height;
    const isAbove = top < scroller.scrollTop;
    const isBelow = top + height > scroller.scrollTop + scroller.clientHeight;
    if (block === 'center' && (isAbove || isBelow)) scroller.scrollTop = top - scroller.clientHeight / 2;
    else if (isAbove) scroller.scrollTop = top;
    else if (isBelow) scroller.scrollTop = top + height - scroller.clientHeight;
    // Its name, too, where the tree is deep.
    const indent = model.tree.depth[span] * kIndent;
    if (model.tree.depthMax > 64 && (indent < view.shift.peek() || indent > view.shift.peek() + 160)) {
      view.shift.value = Math.max(0, indent - 100);
    }
  });
}

// One row further, `step` rows; from no selection to the first.
export function moveBy(model: TraceModel, view: View, step: number) {
  const rows = model.visible.peek();
  const at = model.selected.peek() < 0 ? -1 : model.rowOf.peek()[model.selected.peek()];
  const next = at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step));
  if (rows.length > 0) moveTo(model, view, rows[next]);
}

export function setCollapsed(model: TraceModel, span: number, isCollapsed: boolean) {
  const next = new Set(model.collapsed.peek());
  if (isCollapsed) next.add(span);
  else next.delete(span);
  model.collapsed.value = next;
}

export function treeKeys(model: TraceModel, view: View, event: KeyboardEvent) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { tree } = model;
  const span = model.selected.peek();
  const page = Math.max(1, Math.floor(view.scroller.clientHeight / rowHeight()) - 1);
  const rows = model.visible.peek();
  switch (event.key) {
    case 'ArrowDown':
      moveBy(model, view, 1);
      break;
    case 'ArrowUp':
      moveBy(model, view, -1);
      break;
    case 'PageDown':
      moveBy(model, view, page);
      break;
    case 'PageUp':
      moveBy(model, view, -page);
      break;
    case 'Home':
      if (rows.length > 0) moveTo(model, view, rows[0]);
      break;
    case 'End':
      if (rows.length > 0) moveTo(model, view, rows[rows.length - 1]);
      break;
    case 'ArrowRight':
      if (span < 0 || tree.firstChild[span] < 0) return;
      if (model.collapsed.peek().has(span)) setCollapsed(model, span, false);
      else moveTo(model, view, tree.firstChild[span]);
      break;
    case 'ArrowLeft':
      if (span < 0) return;
      if (tree.firstChild[span] >= 0 && !model.collapsed.peek().has(span)) setCollapsed(model, span, true);
      else if (tree.parent[span] >= 0) moveTo(model, view, tree.parent[span]);
      break;
    case 'Enter':
    case ' ':
      if (span < 0) return;
      document.querySelector<HTMLElement>('.detail [data-detail-start]')?.focus();
      break;
    default:
      return;
  }
  event.preventDefault();
}
