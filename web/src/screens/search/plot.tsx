// Duration over time: a dot a run, its area the cost, a ring where something was blocked. The table below has the same.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Run } from '@/api/types';
import { niceStep } from '@/model/time_axis';
import { age, clockTime, duration, money } from '@/model/units';
import { isBadStatus } from '@/ui/marks';

const kHeight = 132;
const kLeft = 52;
const kBottom = 20;
const kTop = 10;
const kRight = 16;

export function Plot({ runs, onOpen }: { runs: readonly Run[]; onOpen: (run: Run) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(240, entry.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const starts = runs.map((run) => Number(BigInt(run.start_ns) / 1_000_000n));
  const first = Math.min(...starts);
  const last = Math.max(...starts);
  const room = Math.max(1000, (last - first) * 0.03);
  const [from, to] = [first - room, last + room];
  const highest = Math.max(1, ...runs.map((run) => run.duration_ns)) * 1.1;
  const dearest = Math.max(1, ...runs.map((run) => Number(run.cost_nano_usd ?? 0)));
  const x = (time: number) => kLeft + ((time - from) / (to - from)) * (width - kLeft - kRight);
  const y = (nanos: number) => kHeight - kBottom - (nanos / highest) * (kHeight - kBottom - kTop);
  const step = niceStep(highest, 3);
  const levels = Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => i * step);
  const timeStep = niceStep((to - from) * 1e6, Math.max(2, width / 160)) / 1e6;
  const offset = new Date(from).getTimezoneOffset() * 60_000;
  const times: number[] = [];
  for (let t = Math.ceil((from - offset) / timeStep) * timeStep + offset; t <= to && times.length < 50; t += timeStep)
    times.push(t);

  return (
    <div class="plot" ref={box}>
      <svg
        width={width}
        height={kHeight}
        role="img"
        aria-label={`Duration over time of ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}; the table below says the same`}
      >
        {levels.map((level) => (
          <g key={level}>
            <line class="plot-line" x1={kLeft} x2={width - kRight} y1={y(level)} y2={y(level)} />
            <text class="plot-mark" x={kLeft - 6} y={y(level) + 4} text-anchor="end">
              {duration(level)}
            </text>
          </g>
        ))}
        {times.map((time) => (
          <text class="plot-mark" key={time} x={x(time)} y={kHeight - 5} text-anchor="middle">
            {timeMark(time, timeStep)}
          </text>
        ))}
        {runs.map((run, i) => {
          const radius = 3 + 7 * Math.sqrt(Number(run.cost_nano_usd ?? 0) / dearest);
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: the table has a link for each
            <g class={isBadStatus(run.status) ? 'dot dot-error' : 'dot'} key={run.trace_id} onClick={() => onOpen(run)}>
              <circle cx={x(starts[i])} cy={y(run.duration_ns)} r={radius} />
              {run.blocked > 0 && <circle class="dot-ring" cx={x(starts[i])} cy={y(run.duration_ns)} r={radius + 3} />}
              <title>
                {`${run.workflow ?? run.root ?? run.trace_id}, ${run.status}, ${duration(run.duration_ns)}, ${money(run.cost_nano_usd)}${run.blocked ? `, ${run.blocked} blocked` : ''}, ${age(run.start_ns)}`}
              </title>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function timeMark(millis: number, step: number): string {
  const text = clockTime(BigInt(Math.round(millis)) * 1_000_000n, millis);
  if (step >= 86_400_000) return clockTime(BigInt(Math.round(millis)) * 1_000_000n, 0).slice(5, 10);
  return step >= 60_000 ? text.slice(0, 5) : step >= 1000 ? text.slice(0, 8) : text;
}
