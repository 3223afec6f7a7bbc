// Above the bars: the minimap of the whole trace, and the axis of the part that is shown. Both zoom by dragging.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { axisMarks } from '@/model/time_axis';
import { duration } from '@/model/units';
import type { TraceModel } from '../model';
import { colourOf } from './colour';
import { palette } from './palette';

export const kZoomMin = 1e-6;

// Shows the part [from, to] of the axis, kept within it and not too small to be drawn.
export function zoomTo(model: TraceModel, from: number, to: number) {
  const width = Math.max(kZoomMin, Math.min(1, to - from));
  const start = Math.max(0, Math.min(1 - width, from));
  model.change({ from: start, to: Math.min(1, start + width) });
}

export function zoomBy(model: TraceModel, factor: number, at = 0.5) {
  const { from, to } = model.state.peek();
  const pivot = from + (to - from) * at;
  zoomTo(model, pivot - (pivot - from) * factor, pivot + (to - pivot) * factor);
}

export function panBy(model: TraceModel, share: number) {
  const { from, to } = model.state.peek();
  zoomTo(model, from + (to - from) * share, to + (to - from) * share);
}

// A drag from one place to another, both 0 to 1 over the element; `done` with the order of the two made right.
function useDrag(done: (from: number, to: number) => void, moved: (from: number, to: number | null) => void) {
  return (event: PointerEvent) => {
    if (event.button !== 0 || (event.target as HTMLElement).closest('button')) return;
    const element = event.currentTarget as HTMLElement;
    const box = element.getBoundingClientRect();
    const placeOf = (each: PointerEvent) => Math.max(0, Math.min(1, (each.clientX - box.left) / box.width));
    const from = placeOf(event);
    element.setPointerCapture(event.pointerId);
    const move = (each: PointerEvent) => moved(Math.min(from, placeOf(each)), Math.max(from, placeOf(each)));
    const end = (each: PointerEvent) => {
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerup', end);
      element.removeEventListener('pointercancel', end);
      moved(0, null);
      const to = placeOf(each);
      if (each.type === 'pointerup' && Math.abs(to - from) * box.width > 4)
        done(Math.min(from, to), Math.max(from, to));
    };
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerup', end);
    element.addEventListener('pointercancel', end);
  };
}

function timelineKeys(model: TraceModel) {
  return (event: KeyboardEvent) => {
    const far = event.shiftKey ? 4 : 1;
    if (event.key === 'ArrowLeft') panBy(model, -0.1 * far);
    else if (event.key === 'ArrowRight') panBy(model, 0.1 * far);
    else if (event.key === 'ArrowUp' || event.key === '+') zoomBy(model, 0.8 ** far);
    else if (event.key === 'ArrowDown' || event.key === '-') zoomBy(model, 1.25 ** far);
    else if (event.key === 'Home') zoomTo(model, 0, 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

export function Minimap({ model, width }: { model: TraceModel; width: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<HTMLDivElement>(null);
  const height = 44;
  const colours = palette.value;
  const axis = model.axis.value;
  useLayoutEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const ratio = window.devicePixelRatio || 1;
    canvas.current!.width = Math.max(1, Math.round(width * ratio));
    canvas.current!.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { outline, tree } = model;
    // One line a span as long as there is room for it, then as many spans a line as must be; trouble on top.
    const lines = Math.max(1, Math.min(tree.count, height - 6));
    const thick = Math.max(1, Math.min(3, (height - 6) / lines));
    const draw = (isTrouble: boolean) => {
      for (let place = 0; place < tree.count; ++place) {
        const span = tree.order[place];
        const colour = colourOf(model, span, colours);
        if ((colour === colours.bad || colour === colours.pending) !== isTrouble) continue;
        const left = axis.at(outline.start[span]) * width;
        const right = axis.at(outline.start[span] + outline.duration[span]) * width;
        context.fillStyle = colour;
        context.fillRect(
          left,
          3 + Math.floor((place / tree.count) * lines) * ((height - 6) / lines),
          Math.max(1, right - left),
          thick,
        );
      }
    };
    draw(false);
    draw(true);
  }, [model, width, colours, axis]);
  const { from, to } = model.state.value;
  const onPointerDown = useDrag(
    (start, end) => zoomTo(model, start, end),
    (start, end) => showDrag(drawn.current, start, end),
  );
  return (
    <div
      class="minimap"
      role="slider"
      aria-label="The part of the trace that is shown; left and right pan, up and down zoom"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(from * 100)}
      aria-valuetext={`from ${duration(axis.timeAt(from))} to ${duration(axis.timeAt(to))} of ${duration(model.outline.total)}`}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onKeyDown={timelineKeys(model)}
      onDblClick={() => zoomTo(model, 0, 1)}
    >
      <canvas ref={canvas} style={{ width: `${width}px`, height: `${height}px` }} aria-hidden="true" />
      {(from > 0 || to < 1) && (
        <>
          <div class="shade" style={{ left: '0', width: `${from * 100}%` }} />
          <div class="shade" style={{ left: `${to * 100}%`, right: '0' }} />
          <button type="button" class="link zoom-out" onClick={() => zoomTo(model, 0, 1)}>
            whole trace
          </button>
        </>
      )}
      <div class="drag" ref={drawn} hidden />
    </div>
  );
}

function showDrag(element: HTMLElement | null, from: number, to: number | null) {
  if (!element) return;
  element.hidden = to === null;
  if (to === null) return;
  element.style.left = `${from * 100}%`;
  element.style.width = `${(to - from) * 100}%`;
}

// The marks of the axis; breaks are buttons that unfold them.
export function Axis({ model, width }: { model: TraceModel; width: number }) {
  const drawn = useRef<HTMLDivElement>(null);
  const root = useRef<HTMLDivElement>(null);
  const { from, to } = model.state.value;
  const axis = model.axis.value;
  const place = (time: number) => ((axis.at(time) - from) / (to - from)) * width;
  const onPointerDown = useDrag(
    (start, end) => zoomTo(model, from + (to - from) * start, from + (to - from) * end),
    (start, end) => showDrag(drawn.current, start, end),
  );
  useEffect(() => {
    const element = root.current!;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoomBy(model, event.deltaY > 0 ? 1.2 : 1 / 1.2, (event.clientX - box.left) / box.width);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [model]);
  return (
    <div class="axis" ref={root} onPointerDown={onPointerDown}>
      {axisMarks(axis, from, to, width / 120).map((mark) => {
        const at = place(mark);
        return (
          <span
            class={at > width - 60 ? 'axis-mark at-end' : 'axis-mark'}
            style={{ left: `${at}px` }}
            key={mark}
            aria-hidden="true"
          >
            {duration(mark)}
          </span>
        );
      })}
      {axis.breaks.map((each) => {
        const left = place(each.start);
        if (left > width || place(each.end) < 0) return null;
        return (
          <button
            type="button"
            class="break"
            style={{ left: `${left}px`, width: `${place(each.end) - left}px` }}
            key={each.start}
            aria-label={`Nothing ran for ${duration(each.end - each.start)}; unfold this`}
            title={`Nothing ran for ${duration(each.end - each.start)}. A click unfolds it.`}
            onClick={() => {
              model.unfolded.value = new Set([...model.unfolded.value, each]);
            }}
          >
            ⫽ {duration(each.end - each.start)}
          </button>
        );
      })}
      <div class="drag" ref={drawn} hidden />
    </div>
  );
}
