// A curve over time that a panel shows, from its TraceQL; as a table of points where those are wanted.

import { type Load, useLoad } from '@/api/load';
import { queryRange } from '@/api/metrics';
import { kRoles } from '@/model/look';
import { type Range, stepOf } from '@/model/period';
import { alignSeries, type Lines, nameOfLabels, sumBy } from '@/model/series';
import { clockTime } from '@/model/units';
import { Chart, type ChartLine } from '@/ui/chart/chart';
import { kDashCount } from '@/ui/chart/shapes';
import { FiguresTable } from '@/ui/figures_table';
import { Loaded, Partial } from '@/ui/states';

const kPoints = 90;
const kLinesMax = 24;

export interface Curves extends Lines {
  readonly partial?: string;
}

// `range` null: not known yet.
export function useCurves(traceql: string, range: Range | null): Load<Curves> {
  return useLoad(range === null ? '' : `${traceql} ${range.from} ${range.to}`, async (signal) => {
    if (range === null) return new Promise<never>(() => {});
    const answer = await queryRange(traceql, { ...range, step: stepOf(range, kPoints) }, signal);
    return { ...alignSeries(answer.series ?? []), partial: answer.status === 'PARTIAL' ? answer.message : undefined };
  });
}

// The lines of `curves`, by one label or by all; roles in their colours, others told apart by their dashes.
export function chartLines(curves: Lines, label?: string): ChartLine[] {
  const lines = label === undefined ? curves.lines : sumBy(curves, label).lines;
  return lines.slice(0, kLinesMax).map((line, i) => {
    const name = nameOfLabels(line.labels, 'all');
    const isRole = (kRoles as readonly string[]).includes(name);
    return { name, tone: isRole ? name : 'neutral', dash: isRole ? 0 : i % kDashCount, values: line.values };
  });
}

interface Props {
  load: Load<Curves>;
  what: string; // "p95 per role"
  range: Range;
  kind: 'lines' | 'bars';
  lines: (curves: Curves) => readonly ChartLine[];
  format: (value: number) => string;
  isTable: boolean;
  onBrush: (range: Range) => void;
  canvas?: (element: HTMLCanvasElement | null) => void;
  whole?: boolean; // values are counts
  height?: number;
}

export function CurveChart({ load, what, range, kind, lines, format, isTable, onBrush, canvas, whole, height }: Props) {
  return (
    <Loaded load={load} what={what} rows={4}>
      {(curves) => {
        const shown = lines(curves);
        return (
          <>
            {curves.partial && <Partial>{curves.partial}</Partial>}
            {shown.length < curves.lines.length && shown.length === kLinesMax && (
              <Partial>
                {kLinesMax} of {curves.lines.length} lines
              </Partial>
            )}
            {isTable ? (
              <div class="points">
                <FiguresTable
                  caption={`${what}, by time`}
                  head={['Until', ...shown.map((line) => line.name)]}
                  rows={curves.times
                    .map((time, at) => ({
                      key: String(time),
                      name: clockTime(BigInt(time) * 1_000_000n),
                      plain: new Date(time).toISOString(),
                      cells: shown.map((line) => {
                        const value = line.values[at];
                        return { text: value === null ? '–' : format(value), exact: value };
                      }),
                    }))
                    .filter((row) => row.cells.some((cell) => cell.exact !== null && cell.exact !== 0))}
                />
              </div>
            ) : (
              <Chart
                label={what}
                range={range}
                times={curves.times}
                lines={shown}
                kind={kind}
                format={format}
                onBrush={onBrush}
                canvas={canvas}
                whole={whole}
                height={height}
              />
            )}
          </>
        );
      }}
    </Loaded>
  );
}
