// The waterfall: the tree at the left, one canvas of bars at the right. Only rows near the visible ones exist.
import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { hidesMinimap } from '@/app/embedded';
import { rowHeight, setting } from '@/app/settings';
import { count } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { Split } from '@/ui/split';
import { Empty } from '@/ui/states';
import { SpanDetail } from '../detail/detail';
import type { TraceModel } from '../model';
import { FindBar } from './find_bar';
import { nextMatch, useWaterfallKeys } from './keys';
import { paint } from './paint';
import { palette } from './palette';
import { kIndent, Row, rowId } from './row';
import { Axis, Minimap } from './timeline_head';
import { moveTo, treeKeys } from './tree_keys';

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const treeWidth = setting('tree_width', 460, isNumber);
const detailWidth = setting('detail_width', 420, isNumber);

// Rows beyond the visible ones that exist; the window moves by `kStride` rows at a time.
const kBeyond = 12;
const kStride = 8;
const kNarrow = 560; // px
const kNarrowTree = 110; // of it, beside the timeline

export interface View {
  readonly scroller: HTMLElement;
  readonly shift: Signal<number>; // px that the tree is scrolled sideways
}

export default function Waterfall({ model }: { model: TraceModel }) {
  if (model.outline.count === 0) {
    return (
      <Empty title="No span of this trace has arrived yet">
        <p>Its parents or links are known; the spans themselves come when they end.</p>
      </Empty>
    );
  }
  const isOpen = model.selected.value >= 0;
  return (
    <div class={isOpen ? 'waterfall with-detail' : 'waterfall'}>
      <div class="waterfall-main">
        <Grid model={model} />
      </div>
      {isOpen && (
        <>
          <Split label="Width of the span's details" width={detailWidth} min={260} max={900} side="right" />
          <aside class="detail" aria-label="The selected span" style={{ width: `${detailWidth.value}px` }}>
            <Boundary what="the span's details" key={model.selected.value}>
              <SpanDetail model={model} span={model.selected.value} />
            </Boundary>
          </aside>
        </>
      )}
    </div>
  );
}

function Grid({ model }: { model: TraceModel }) {
  const scroller = useRef<HTMLDivElement>(null);
  const size = useSignal({ width: 0, height: 600 });
  const top = useSignal(0); // the first row of the window
  const shift = useSignal(0);
  const isTimeShown = useSignal(false);
  const height = rowHeight();
  const rows = model.visible.value;
  // Where there is no room for both, one of tree and timeline has it.
  const isNarrow = size.value.width < kNarrow;
  const tree = isNarrow
    ? isTimeShown.value
      ? kNarrowTree
      : size.value.width
    : Math.min(treeWidth.value, size.value.width - 200);
  const timeline = Math.max(60, size.value.width - tree - 5);

  useLayoutEffect(() => {
    const element = scroller.current!;
    const measure = () => {
      size.value = { width: element.clientWidth, height: element.clientHeight };
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    const row = Math.floor(scroller.current!.scrollTop / height / kStride) * kStride;
    if (row !== top.peek()) top.value = row;
  };
  const first = Math.max(0, Math.min(top.value, rows.length - 1) - kBeyond);
  const last = Math.min(rows.length, top.value + Math.ceil(size.value.height / height) + kStride + kBeyond);

  const stopFollowing = () => {
    model.following.value = false;
  };
  const view = (): View => ({ scroller: scroller.current!, shift });
  useWaterfallKeys(model, view);
  // The span that the address names is brought into sight, once.
  useEffect(() => {
    const span = model.selected.peek();
    if (span >= 0) moveTo(model, view(), span, 'center');
  }, []);
  useStillness(model, scroller);

  const toggle = (span: number) => {
    const next = new Set(model.collapsed.peek());
    if (!next.delete(span)) next.add(span);
    model.collapsed.value = next;
  };
  const spanAt = (event: Event) => {
    const row = (event.target as Element).closest<HTMLElement>('[data-span]');
    return row ? Number(row.dataset.span) : -1;
  };
  const selected = model.selected.value;
  const deepest = model.tree.depthMax * kIndent;
  return (
    <>
      <FindBar model={model} onStep={(by) => nextMatch(model, view(), by)} />
      <div class="grid" style={{ '--tree': `${tree}px`, '--row': `${height}px` }}>
        <div class="grid-head">
          <div class="grid-corner">
            {isNarrow ? (
              <button
                type="button"
                class="link"
                onClick={() => {
                  isTimeShown.value = !isTimeShown.value;
                }}
              >
                {isTimeShown.value ? 'Tree' : 'Timeline'}
              </button>
            ) : (
              <span class="column-name">Span</span>
            )}
            <span class="row-count">
              {rows.length < model.outline.count
                ? `${count(rows.length)} of ${count(model.outline.count)} rows`
                : `${count(rows.length)} rows`}
            </span>
          </div>
          <Split label="Width of the tree" width={treeWidth} min={140} max={1200} side="left" />
          <div class="grid-time">
            {!hidesMinimap.value && <Minimap model={model} width={timeline} />}
            <Axis model={model} width={timeline} />
          </div>
        </div>
        <div class="scroller-place">
          <div
            class="scroller"
            ref={scroller}
            onScroll={onScroll}
            onWheel={stopFollowing}
            onPointerDown={stopFollowing}
            tabIndex={-1}
          >
            <div
              class="rows"
              role="treegrid"
              aria-label="Spans of the trace"
              aria-rowcount={rows.length + 1}
              aria-colcount={2}
              aria-activedescendant={
                selected >= 0 && isBetween(model.rowOf.value[selected], first, last) ? rowId(selected) : undefined
              }
              tabIndex={0}
              style={{ height: `${rows.length * height}px` }}
              onKeyDown={(event) => treeKeys(model, view(), event)}
              onClick={(event) => {
                const span = spanAt(event);
                if (span >= 0) model.select(span);
              }}
            >
              <div role="row" aria-rowindex={1} class="unseen">
                <span role="columnheader">Span</span>
                <span role="columnheader">Time</span>
              </div>
              {Array.from(rows.subarray(first, last), (span, i) => (
                <Row
                  key={span}
                  model={model}
                  span={span}
                  row={first + i}
                  isSelected={span === selected}
                  shift={shift.value}
                  onToggle={toggle}
                />
              ))}
              <Bars model={model} first={first} last={last} rowHeight={height} left={tree + 5} width={timeline} />
            </div>
          </div>
        </div>
        {deepest > 64 * kIndent && <Sideways shift={shift} width={tree} content={deepest + 320} />}
      </div>
    </>
  );
}

// A trace that grows moves nothing that one looks at: the selected row, or else the first that is seen, stays where it is.
// While it is followed, the span that began last is brought into sight instead.
function useStillness(model: TraceModel, scroller: RefObject<HTMLDivElement | null>) {
  const anchor = useRef({ id: '', row: -1 });
  useLayoutEffect(() => {
    const element = scroller.current!;
    const { outline } = model;
    if (model.state.peek().live && model.following.peek()) {
      let last = -1;
      for (let i = 0; i < outline.count; ++i) if (last < 0 || outline.start[i] > outline.start[last]) last = i;
      const row = last < 0 ? -1 : model.rowOf.peek()[last];
      if (row >= 0) element.scrollTop = (row + 2) * rowHeight() - element.clientHeight;
      return;
    }
    const span = anchor.current.row < 0 ? -1 : outline.indexOf(anchor.current.id);
    const row = span < 0 ? -1 : model.rowOf.peek()[span];
    if (row >= 0) element.scrollTop += (row - anchor.current.row) * rowHeight();
  }, [model]);
  useEffect(() => {
    const selected = model.selected.peek();
    const rows = model.visible.peek();
    const top = Math.floor(scroller.current!.scrollTop / rowHeight());
    const row = selected >= 0 ? model.rowOf.peek()[selected] : Math.min(top, rows.length - 1);
    anchor.current = { id: row < 0 ? '' : model.outline.spanId(rows[row]), row };
  });
}

const isBetween = (row: number, first: number, last: number) => row >= first && row < last;

interface BarsProps {
  model: TraceModel;
  first: number;
  last: number;
  rowHeight: number;
  left: number;
  width: number;
}

// Painted in the same frame as the rows beside it; lies in the scrolled content, so that both move as one.
function Bars({ model, first, last, rowHeight, left, width }: BarsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = palette.value;
  // What it is painted from; read here, so that a change of any paints anew.
  model.visible.value;
  model.axis.value;
  model.state.value;
  model.isMatch.value;
  useLayoutEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    paint(context, { model, first, last, rowHeight, width, colours });
  });
  return (
    <canvas
      ref={canvas}
      class="bars"
      aria-hidden="true"
      style={{
        left: `${left}px`,
        top: `${first * rowHeight}px`,
        width: `${width}px`,
        height: `${(last - first) * rowHeight}px`,
      }}
    />
  );
}

// For traces deeper than 64: the tree scrolls sideways instead of eating the names.
function Sideways({ shift, width, content }: { shift: Signal<number>; width: number; content: number }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (bar.current && Math.abs(bar.current.scrollLeft - shift.value) > 1) bar.current.scrollLeft = shift.value;
  }, [shift.value]);
  return (
    <div
      class="sideways"
      ref={bar}
      style={{ width: `${width}px` }}
      tabIndex={0}
      role="region"
      aria-label="Depth of the tree, sideways"
      onScroll={(event) => {
        shift.value = event.currentTarget.scrollLeft;
      }}
    >
      <div style={{ width: `${content}px` }} />
    </div>
  );
}
