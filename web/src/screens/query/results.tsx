// What a TraceQL query found: traces with their spans, a table of spans, or a chart, by its shape.
import { useMemo } from 'preact/hooks';
import type { FoundTrace, SearchAnswer } from '@/api/metrics';
import { go, href } from '@/app/location';
import { type SpanRow, spanTable } from '@/model/found_spans';
import type { Range } from '@/model/period';
import { instantValue, labelsOf, type MetricSeries, nameOfLabels } from '@/model/series';
import { csvCell, plain } from '@/model/text';
import { clockTime, count, duration, threeDigits } from '@/model/units';
import { Chart, type ChartLine, Swatch } from '@/ui/chart/chart';
import { type Curves, chartLines } from '@/ui/chart/curves';
import { FiguresTable, saveFigures } from '@/ui/figures_table';
import { saveFile } from '@/ui/save';
import { Empty, Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import { Time } from '@/ui/time';

export type ResultView = '' | 'table' | 'chart';

interface ViewsProps {
  views: readonly (readonly [ResultView, string])[];
  view: ResultView;
  onView: (view: ResultView) => void;
  onCsv?: () => void;
  children: preact.ComponentChildren;
}

export function ResultBar({ views, view, onView, onCsv, children }: ViewsProps) {
  return (
    <div class="screen-bar">
      <h2 class="total">{children}</h2>
      <span class="gap" />
      <span class="view-choice" role="group" aria-label="Show as">
        {views.map(([each, name]) => (
          <button type="button" class="link" key={each} aria-pressed={view === each} onClick={() => onView(each)}>
            {name}
          </button>
        ))}
      </span>
      {onCsv && (
        <button type="button" class="link" onClick={onCsv}>
          CSV
        </button>
      )}
    </div>
  );
}

interface SearchProps {
  answer: SearchAnswer;
  limit: number;
  range: Range;
  view: ResultView;
  onView: (view: ResultView) => void;
  onAll: () => void; // looks for it at any time
}

export function SearchResult({ answer, limit, range, view, onView, onAll }: SearchProps) {
  const traces = answer.traces ?? [];
  const table = useMemo(() => spanTable(traces), [answer]);
  if (traces.length === 0) {
    return (
      <Empty title="0 traces">
        <p>No span within this time fits the query.</p>
        <p>
          <button type="button" class="primary" onClick={onAll}>
            Look at the last 30 days
          </button>
        </p>
      </Empty>
    );
  }
  return (
    <>
      <ResultBar
        views={[
          ['', 'traces'],
          ['table', 'table'],
          ['chart', 'chart'],
        ]}
        view={view}
        onView={onView}
        onCsv={() => saveSpans(table.columns, table.rows)}
      >
        {traces.length === 1 ? '1 trace' : `${count(traces.length)} traces`}{' '}
        <span class="detail">{count(table.matched)} spans fit</span>
      </ResultBar>
      {answer.status === 'PARTIAL' && <Partial>{answer.message ?? 'the answer was cut'}</Partial>}
      {traces.length >= limit && <Partial>the newest {count(limit)} traces</Partial>}
      {view === 'chart' ? (
        <DurationDots rows={table.rows} range={range} />
      ) : view === 'table' ? (
        <SpanRows columns={table.columns} rows={table.rows} />
      ) : (
        traces.map((trace) => <TraceRows trace={trace} key={trace.traceID} />)
      )}
    </>
  );
}

const spanPath = (row: { traceId: string; spanId: string }) => `/trace/${row.traceId}?span=${row.spanId}`;

function TraceRows({ trace }: { trace: FoundTrace }) {
  const { rows, columns, matched } = useMemo(() => spanTable([trace]), [trace]);
  const start = BigInt(trace.startTimeUnixNano ?? 0);
  return (
    <section class="found-trace" aria-label={`Trace ${trace.traceID}`}>
      <p class="found-head">
        <a href={href(`/trace/${trace.traceID}`)}>
          <Text text={trace.rootTraceName || '(no root span yet)'} max={120} />
        </a>
        <span class="detail">
          <Text text={trace.rootServiceName ?? ''} max={60} />
        </span>
        <Time nanos={start} />
        <span>{duration((trace.durationMs ?? 0) * 1e6)}</span>
        <span class="mono detail">{trace.traceID}</span>
        {matched > rows.length && (
          <Partial>
            {count(rows.length)} of {count(matched)} spans that fit
          </Partial>
        )}
      </p>
      <div class="table-scroll">
        <table class="found">
          <caption class="unseen">Spans of the trace that fit</caption>
          <thead class="unseen">
            <tr>
              <th scope="col">Span</th>
              <th scope="col">Start</th>
              <th scope="col">Duration</th>
              <th scope="col">Attributes</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.spanId}>
                <td>
                  <a href={href(spanPath(row))}>
                    <Text text={row.name || row.spanId} max={80} />
                  </a>
                </td>
                <td class="number">+{duration(Number(row.startNs - start))}</td>
                <td class="number">{duration(row.durationNs)}</td>
                <td class="found-attributes">
                  {columns
                    .filter((key) => row.values.has(key))
                    .map((key) => (
                      <span key={key}>
                        <span class="detail">
                          <Text text={key.replace(/^(span|resource)\./, '')} max={60} />
                        </span>{' '}
                        <Text text={row.values.get(key)!} max={120} />
                      </span>
                    ))}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const kRowsShown = 1000;

function SpanRows({ columns, rows }: { columns: readonly string[]; rows: readonly SpanRow[] }) {
  return (
    <>
      {rows.length > kRowsShown && (
        <Partial>
          the first {count(kRowsShown)} of {count(rows.length)} spans; CSV has them all
        </Partial>
      )}
      <div class="table-scroll">
        <table class="grid">
          <caption class="unseen">Spans that fit</caption>
          <thead>
            <tr>
              <th scope="col">span</th>
              <th scope="col">start</th>
              <th scope="col" class="number">
                duration
              </th>
              {columns.map((column) => (
                <th scope="col" key={column}>
                  <Text text={column.replace(/^(span|resource)\./, '')} max={60} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, kRowsShown).map((row) => (
              <tr key={`${row.traceId} ${row.spanId}`}>
                <td>
                  <a href={href(spanPath(row))}>
                    <Text text={row.name || row.spanId} max={80} />
                  </a>
                </td>
                <td>
                  <Time nanos={row.startNs} />
                </td>
                <td class="number">{duration(row.durationNs)}</td>
                {columns.map((column) => (
                  <td key={column}>
                    <Text text={row.values.get(column) ?? '–'} max={120} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function DurationDots({ rows, range }: { rows: readonly SpanRow[]; range: Range }) {
  const dots = useMemo(
    () =>
      rows
        .map((row) => ({
          time: Number(row.startNs / 1_000_000n),
          value: row.durationNs,
          tone: 'neutral',
          title: `${plain(row.name)}\n${duration(row.durationNs)} · ${clockTime(row.startNs)}`,
          open: () => go(spanPath(row)),
        }))
        .sort((a, b) => a.time - b.time),
    [rows],
  );
  const shown = useMemo(() => {
    const times = dots.map((dot) => dot.time);
    const room = Math.max(500, (times[times.length - 1] - times[0]) * 0.04);
    return times.length === 0 ? range : { from: times[0] - room, to: times[times.length - 1] + room };
  }, [dots]);
  return (
    <div class="result-chart">
      <Chart
        label={`Duration of ${dots.length} spans over time`}
        range={shown}
        dots={dots}
        format={duration}
        height={280}
      />
    </div>
  );
}

function saveSpans(columns: readonly string[], rows: readonly SpanRow[]) {
  const lines = [
    ['trace_id', 'span_id', 'name', 'start_ns', 'duration_ns', ...columns],
    ...rows.map((row) => [
      row.traceId,
      row.spanId,
      row.name,
      row.startNs,
      row.durationNs,
      ...columns.map((column) => row.values.get(column) ?? ''),
    ]),
  ];
  saveFile('spans.csv', 'text/csv', lines.map((line) => line.map(csvCell).join(',')).join('\r\n'));
}

const number = (value: number) => (Number.isInteger(value) ? count(value) : threeDigits(value));

// Seconds, where a metric is of durations; what it counts otherwise is the query's to know.
export const formatFor = (q: string): ((value: number) => string) =>
  /\(\s*(duration|span:duration|trace:duration|traceDuration)\b/.test(q) ? (value) => duration(value * 1e9) : number;

interface CurvesProps {
  q: string;
  curves: Curves;
  range: Range;
  view: ResultView;
  onView: (view: ResultView) => void;
  onBrush: (range: Range) => void;
}

export function CurvesResult({ q, curves, range, view, onView, onBrush }: CurvesProps) {
  const lines = useMemo(() => chartLines(curves), [curves]);
  const format = formatFor(q);
  const points = curves.times.map((time, at) => ({
    key: String(time),
    plain: new Date(time).toISOString(),
    name: clockTime(BigInt(time) * 1_000_000n),
    cells: lines.map((line) => ({
      text: line.values[at] === null ? '–' : format(line.values[at]!),
      exact: line.values[at],
    })),
  }));
  const head = ['Until', ...lines.map((line) => line.name)];
  return (
    <>
      <ResultBar
        views={[
          ['', 'chart'],
          ['table', 'table'],
        ]}
        view={view === 'chart' ? '' : view}
        onView={onView}
        onCsv={() => saveFigures('series.csv', { head, rows: points })}
      >
        {curves.lines.length === 1 ? '1 series' : `${count(curves.lines.length)} series`}{' '}
        <span class="detail">{count(curves.times.length)} intervals</span>
      </ResultBar>
      {curves.partial && <Partial>{curves.partial}</Partial>}
      {lines.length < curves.lines.length && (
        <Partial>
          {lines.length} of {count(curves.lines.length)} series; topk() chooses
        </Partial>
      )}
      {view === 'table' ? (
        <div class="result-table">
          <FiguresTable caption="The series, by time" head={head} rows={points} />
        </div>
      ) : (
        <>
          <div class="result-chart">
            <Chart
              label="The series over time"
              range={range}
              times={curves.times}
              lines={lines}
              format={format}
              onBrush={onBrush}
              height={320}
            />
          </div>
          <Legend lines={lines} format={format} />
        </>
      )}
    </>
  );
}

function Legend({ lines, format }: { lines: readonly ChartLine[]; format: (value: number) => string }) {
  return (
    <div class="result-table">
      <FiguresTable
        caption="The series"
        head={['Series', 'Last', 'Least', 'Most']}
        rows={lines.map((line, i) => {
          const values = line.values.filter((value): value is number => value !== null);
          const cell = (value: number | undefined) => ({
            text: value === undefined ? '–' : format(value),
            exact: value ?? null,
          });
          return {
            key: `${i} ${line.name}`,
            plain: line.name,
            name: (
              <span class="line-name">
                <Swatch tone={line.tone} dash={line.dash} />
                <Text text={line.name} max={120} />
              </span>
            ),
            cells: [
              cell(values[values.length - 1]),
              cell(values.length > 0 ? Math.min(...values) : undefined),
              cell(values.length > 0 ? Math.max(...values) : undefined),
            ],
          };
        })}
      />
    </div>
  );
}

export function InstantResult({
  q,
  series,
  partial,
}: {
  q: string;
  series: readonly MetricSeries[];
  partial?: string;
}) {
  const format = formatFor(q);
  const values = series.map((each) => ({ name: nameOfLabels(labelsOf(each), 'all'), value: instantValue(each) }));
  const most = Math.max(1e-300, ...values.map((each) => Math.abs(each.value)));
  const head = ['Series', 'Value'];
  const rows = values.map((each, i) => ({
    key: `${i} ${each.name}`,
    plain: each.name,
    name: <Text text={each.name} max={120} />,
    // Money and other reals are shown as they came, to the last digit.
    cells: [
      {
        text:
          format === number
            ? Number.isInteger(each.value)
              ? count(each.value)
              : String(each.value)
            : format(each.value),
        exact: each.value,
        bar: Math.abs(each.value) / most,
      },
    ],
  }));
  if (values.length === 0) {
    return (
      <Empty title="No series">
        <p>No span within this time fits the query.</p>
      </Empty>
    );
  }
  return (
    <>
      <ResultBar views={[]} view="" onView={() => {}} onCsv={() => saveFigures('values.csv', { head, rows })}>
        {values.length === 1 ? '1 value' : `${count(values.length)} values`}
      </ResultBar>
      {partial && <Partial>{partial}</Partial>}
      <div class="result-table narrow">
        <FiguresTable caption="Values of the whole time" head={head} rows={rows} />
      </div>
    </>
  );
}
