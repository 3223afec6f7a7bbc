// A chart over time on a canvas (uPlot): lines, stacked bars or dots. Dragging marks a time; a table elsewhere says the same.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import '@/styles/chart.css';
import { isDark } from '@/app/settings';
import type { Range } from '@/model/period';
import { plain } from '@/model/text';
import { clockTime } from '@/model/units';
import { dashOf, nearestDot, stacked } from './shapes';

export interface ChartLine {
  readonly name: string;
  readonly tone: string; // a CSS variable's name: "executor", "neutral", "bad"
  readonly dash?: number; // which of the dash patterns; 0 none
  readonly values: readonly (number | null)[];
}

export interface Dot {
  readonly time: number; // ms since 1970
  readonly value: number;
  readonly tone: string;
  readonly ring?: boolean;
  readonly title: string;
  readonly open: () => void;
}

interface Props {
  label: string; // what a screen reader hears
  range: Range;
  times?: readonly number[]; // ms since 1970
  lines?: readonly ChartLine[];
  dots?: readonly Dot[]; // by time
  level?: { value: number; name: string }; // a line across
  kind?: 'lines' | 'bars';
  format: (value: number) => string;
  height?: number;
  whole?: boolean; // values are counts
  onBrush?: (range: Range) => void;
  canvas?: (element: HTMLCanvasElement | null) => void; // for those who keep it as a picture
}

interface Tip {
  readonly left: number;
  readonly top: number;
  readonly isBefore: boolean; // left of the place, where there is more room
  readonly lines: readonly { text: string; tone?: string; dash?: number }[];
}

const kDotReach = 10; // px
const kHeight = 168;
const kTipLines = 8;

const variable = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [tip, setTip] = useState<Tip | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const { times, lines, dots, range, kind, height = kHeight } = props;
  const dark = isDark();

  useEffect(() => {
    const element = box.current!;
    const chart = new uPlot(optionsOf(latest, element.clientWidth, height, setTip), dataOf(latest.current), element);
    latest.current.canvas?.(chart.ctx.canvas);
    const onClick = () => {
      const dot = dotAt(chart, latest.current.dots);
      if (dot) dot.open();
    };
    chart.over.addEventListener('click', onClick);
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) chart.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      latest.current.canvas?.(null);
      chart.destroy();
      setTip(null);
    };
  }, [times, lines, dots, range.from, range.to, kind, height, dark, props.level?.value]);

  return (
    <div class="chart">
      <div ref={box} role="img" aria-label={`${props.label}; a table says the same (T)`} />
      {tip && (
        <div
          class={tip.isBefore ? 'chart-tip before' : 'chart-tip'}
          aria-hidden="true"
          style={{ left: `${tip.left}px`, top: `${tip.top}px` }}
        >
          {tip.lines.map((line, i) => (
            <div key={i}>
              {line.tone && <Swatch tone={line.tone} dash={line.dash} />}
              {plain(line.text)}
            </div>
          ))}
        </div>
      )}
    </div>
  );
}

// How a line looks in its chart, for the table that stands for a legend.
export function Swatch({ tone, dash = 0, block = false }: { tone: string; dash?: number; block?: boolean }) {
  return (
    <svg class="swatch" viewBox="0 0 18 10" width="18" height="10" aria-hidden="true">
      {block ? (
        <rect x="4" y="0" width="10" height="10" fill={`var(--${tone})`} />
      ) : (
        <line
          x1="0"
          x2="18"
          y1="5"
          y2="5"
          stroke={`var(--${tone})`}
          stroke-width="2.5"
          stroke-dasharray={dashOf(dash).join(' ') || undefined}
        />
      )}
    </svg>
  );
}

function dataOf({ times = [], lines = [], dots, kind }: Props): uPlot.AlignedData {
  if (dots) return [dots.map((dot) => dot.time / 1000), dots.map((dot) => dot.value)];
  const values = kind === 'bars' ? stacked(lines.map((line) => line.values)) : lines.map((line) => [...line.values]);
  return [times.map((time) => time / 1000), ...values] as uPlot.AlignedData;
}

const kWholeSteps = [1, 2, 5]
  .flatMap((each) => Array.from({ length: 12 }, (_, i) => each * 10 ** i))
  .sort((a, b) => a - b);

const kTimeFormats: uPlot.Axis.DynamicValues = (_, seconds, __, ___, step) =>
  seconds.map((time) => {
    const text = clockTime(BigInt(Math.round(time * 1000)) * 1_000_000n, time * 1000);
    if (step >= 86_400) return clockTime(BigInt(Math.round(time * 1000)) * 1_000_000n, 0).slice(5, 10);
    return step >= 60 ? text.slice(0, 5) : step >= 1 ? text.slice(0, 8) : text;
  });

function optionsOf(
  latest: { current: Props },
  width: number,
  height: number,
  setTip: (tip: Tip | null) => void,
): uPlot.Options {
  const { lines = [], dots, range, kind, level, format, whole } = latest.current;
  const font = `11px ${variable('sans')}`;
  const grid = { stroke: variable('line'), width: 1 };
  const axis = { stroke: variable('text-faint'), font, ticks: { show: false } };
  const bars = uPlot.paths.bars!({ size: [0.8, 48], gap: 1 });
  const series: uPlot.Series[] = dots
    ? [{ paths: () => null, points: { show: false } }]
    : lines.map((line) => ({
        label: line.name,
        stroke: variable(line.tone),
        width: kind === 'bars' ? 0 : 1.5,
        dash: dashOf(line.dash ?? 0),
        spanGaps: true,
        ...(kind === 'bars'
          ? { paths: bars, fill: variable(line.tone), points: { show: false } }
          : { points: { show: isSparse(line.values), size: 5, fill: variable(line.tone), width: 0 } }),
      }));
  return {
    width: Math.max(120, width),
    height,
    legend: { show: false },
    padding: [8, 12, 0, 0],
    scales: {
      x: { time: true, range: () => [range.from / 1000, Math.max(range.to, range.from + 1000) / 1000] },
      y: { range: (_, __, highest) => [0, Math.max(highest ?? 0, level?.value ?? 0, 1e-9) * 1.08] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 24, values: kTimeFormats, space: 72 },
      {
        ...axis,
        grid,
        size: 72,
        space: 36,
        incrs: whole ? kWholeSteps : undefined,
        values: (_, values) => values.map((value) => format(value)),
      },
    ],
    cursor: {
      y: false,
      x: !dots,
      drag: { x: latest.current.onBrush !== undefined, y: false, setScale: false },
      points: { show: false },
    },
    series: [{}, ...series],
    hooks: {
      draw: [(chart) => drawMore(chart, latest.current)],
      setCursor: [(chart) => setTip(tipOf(chart, latest.current))],
      setSelect: [
        (chart) => {
          if (chart.select.width < 4) return;
          const at = (left: number) => chart.posToVal(left, 'x') * 1000;
          latest.current.onBrush?.({
            from: at(chart.select.left),
            to: at(chart.select.left + chart.select.width),
          });
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

const isSparse = (values: readonly (number | null)[]) => values.filter((value) => value !== null).length < 40;

// Dots and the level, over what uPlot has drawn.
function drawMore(chart: uPlot, { dots, level }: Props) {
  const { ctx } = chart;
  const ratio = uPlot.pxRatio;
  const x = (time: number) => chart.valToPos(time / 1000, 'x', true);
  const y = (value: number) => chart.valToPos(value, 'y', true);
  ctx.save();
  if (level) {
    const { left, width } = chart.bbox;
    ctx.strokeStyle = variable('text-faint');
    ctx.lineWidth = ratio;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(left, y(level.value));
    ctx.lineTo(left + width, y(level.value));
    ctx.stroke();
    ctx.setLineDash([]);
  }
  for (const dot of dots ?? []) {
    ctx.fillStyle = variable(dot.tone);
    ctx.globalAlpha = 0.65;
    ctx.beginPath();
    ctx.arc(x(dot.time), y(dot.value), 3.5 * ratio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.globalAlpha = 1;
    if (!dot.ring) continue;
    ctx.strokeStyle = variable('bad');
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    ctx.arc(x(dot.time), y(dot.value), 6.5 * ratio, 0, 2 * Math.PI);
    ctx.stroke();
  }
  if (level) {
    const { left } = chart.bbox;
    ctx.font = `${11 * ratio}px ${variable('sans')}`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'bottom';
    ctx.lineWidth = 4 * ratio;
    ctx.strokeStyle = variable('page');
    ctx.strokeText(level.name, left + 4 * ratio, y(level.value) - 2 * ratio);
    ctx.fillStyle = variable('text-faint');
    ctx.fillText(level.name, left + 4 * ratio, y(level.value) - 2 * ratio);
  }
  ctx.restore();
}

function dotAt(chart: uPlot, dots: readonly Dot[] | undefined): Dot | null {
  const { left = -1, top = -1 } = chart.cursor;
  if (!dots || left < 0) return null;
  const found = nearestDot(
    dots.map((dot) => ({ x: chart.valToPos(dot.time / 1000, 'x'), y: chart.valToPos(dot.value, 'y') })),
    left,
    top,
    kDotReach,
  );
  return found < 0 ? null : dots[found];
}

function tipOf(chart: uPlot, { dots, times = [], lines = [], format }: Props): Tip | null {
  const { left = -1, top = -1, idx } = chart.cursor;
  if (left < 0) return null;
  const place = (rows: Tip['lines']) => ({
    left: chart.over.offsetLeft + left,
    isBefore: left > chart.over.clientWidth / 2,
    top: Math.max(0, top - 8),
    lines: rows,
  });
  if (dots) {
    const dot = dotAt(chart, dots);
    chart.over.style.cursor = dot ? 'pointer' : '';
    return dot ? place(dot.title.split('\n').map((text) => ({ text }))) : null;
  }
  if (idx == null || times.length === 0) return null;
  const values = lines
    .map((line) => ({ line, value: line.values[idx] }))
    .filter((each) => each.value !== null && each.value !== undefined)
    .sort((a, b) => b.value! - a.value!);
  if (values.length === 0) return null;
  const shown = values.slice(0, kTipLines).map(({ line, value }) => ({
    text: `${line.name} ${format(value!)}`,
    tone: line.tone,
    dash: line.dash,
  }));
  if (values.length > kTipLines) shown.push({ text: `and ${values.length - kTipLines} more`, tone: '', dash: 0 });
  return place([{ text: clockTime(BigInt(times[idx]) * 1_000_000n) }, ...shown]);
}
