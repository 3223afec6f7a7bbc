// The panels of Analytics. Tables have the figures of `meshflow report`, charts their course over time.
import { useMemo, useRef } from 'preact/hooks';
import type { Load } from '@/api/load';
import type { Report } from '@/api/report';
import type { Run, RunsAnswer } from '@/api/types';
import { go, href } from '@/app/location';
import { kRoles } from '@/model/look';
import { type Range, searchPath } from '@/model/period';
import { sumBy, total } from '@/model/series';
import { count, duration, money, percent } from '@/model/units';
import { Chart, type ChartLine, type Dot, Swatch } from '@/ui/chart/chart';
import { CurveChart, type Curves, chartLines, useCurves } from '@/ui/chart/curves';
import { kDashCount } from '@/ui/chart/shapes';
import { type FigureRow, FiguresTable, saveFigures } from '@/ui/figures_table';
import { StatusMark } from '@/ui/marks';
import { Panel } from '@/ui/panel';
import { saveFile } from '@/ui/save';
import { Loaded, Skeleton } from '@/ui/states';
import { Text } from '@/ui/text';
import { changeText, grams, kSamplesForP95, mean, versionChange } from './figures';
import { kQuestions, type Question } from './questions';

export interface PanelProps {
  range: Range; // what the figures are about
  shown: Range | null; // what charts show of it; null: not known yet
  isTable: boolean;
  onBrush: (range: Range) => void;
}
interface WithReport extends PanelProps {
  report: Report | null;
}

export const queryPath = (question: Question, range: Range) => {
  const micros = { start: String(Math.floor(range.from) * 1000), end: String(Math.ceil(range.to) * 1000) };
  return `/query?${new URLSearchParams({ q: question.traceql, ...micros })}`;
};
export const sqlPath = (question: Question, range: Range) => `/sql?${new URLSearchParams({ q: question.sql(range) })}`;

export function Tools({
  name,
  table,
  canvas,
}: {
  name: string;
  table?: { head: string[]; rows: FigureRow[] };
  canvas?: { current: HTMLCanvasElement | null };
}) {
  return (
    <>
      {canvas && (
        <button
          type="button"
          class="link"
          aria-label={`${name} as PNG`}
          onClick={() => canvas.current?.toBlob((blob) => blob && saveFile(`${name}.png`, 'image/png', blob))}
        >
          PNG
        </button>
      )}
      {table && (
        <button
          type="button"
          class="link"
          aria-label={`${name} as CSV`}
          onClick={() => saveFigures(`${name}.csv`, table)}
        >
          CSV
        </button>
      )}
    </>
  );
}

const longest = (values: readonly number[]) => Math.max(1, ...values);
const or = (isKnown: boolean, text: string) => (isKnown ? text : '–');
const exactly = (isKnown: boolean, value: number, unit: string) => (isKnown ? `${count(value)} ${unit}` : null);

function RoleName({ role, tone }: { role: string; tone?: string }) {
  return (
    <span class="line-name">
      <Swatch tone={tone ?? toneOf(role)} />
      <Text text={role || '(none)'} max={40} />
    </span>
  );
}
const toneOf = (role: string) => ((kRoles as readonly string[]).includes(role) ? role : 'neutral');

export function LatencyPanel({ report, range, shown, isTable, onBrush }: WithReport) {
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const curves = useCurves(kQuestions.latency.traceql, shown);
  const rows = report?.latency_by_role ?? [];
  const most = longest(rows.map((row) => row.now.p95_ns));
  const head = ['Role', 'p95', 'Change', 'p50', 'p99', 'Max', 'Agents'];
  const figures = rows.map(({ role, now, before }): FigureRow => {
    const isKnown = now.spans > 0;
    const few = isKnown && now.spans < kSamplesForP95;
    const cell = (ns: number) => ({ text: or(isKnown, duration(ns)), exact: exactly(isKnown, ns, 'ns') });
    return {
      key: role,
      plain: role,
      name: (
        <a href={href(searchPath(range, `meshflow.role=${quoted(role)}`))}>
          <RoleName role={role} />
        </a>
      ),
      cells: [
        {
          ...cell(now.p95_ns),
          text: (
            <>
              {few && (
                <span class="detail" title={`fewer than ${kSamplesForP95} agents: their largest value`}>
                  max{' '}
                </span>
              )}
              {or(isKnown, duration(now.p95_ns))}
            </>
          ),
          bar: now.p95_ns / most,
        },
        { text: changeText(now.p95_ns, before.p95_ns) },
        cell(now.p50_ns),
        cell(now.p99_ns),
        cell(now.max_ns),
        { text: count(now.spans) },
      ],
    };
  });
  const agents = rows.reduce((sum, row) => sum + row.now.spans, 0);
  return (
    <Panel
      title="Latency per role"
      sample={report ? `${count(agents)} agents` : undefined}
      traceql={queryPath(kQuestions.latency, range)}
      sql={sqlPath(kQuestions.latency, range)}
      tools={<Tools name="latency" table={{ head, rows: figures }} canvas={canvas} />}
    >
      <p class="panel-note">p95 over time</p>
      <CurveChart
        load={curves}
        what="p95 latency per role"
        range={shown ?? range}
        kind="lines"
        lines={(data) => chartLines(data, 'span.meshflow.role')}
        format={(seconds) => duration(seconds * 1e9)}
        isTable={isTable}
        onBrush={onBrush}
        canvas={(element) => {
          canvas.current = element;
        }}
      />
      <Figures report={report} caption="Latency per role" head={head} rows={figures} none="No agent ran." />
    </Panel>
  );
}

// The table below a chart; a skeleton before its figures are here.
function Figures(props: { report: Report | null; caption: string; head: string[]; rows: FigureRow[]; none: string }) {
  if (!props.report) return <Skeleton rows={3} />;
  if (props.rows.length === 0) return <p class="panel-none">{props.none}</p>;
  return <FiguresTable {...props} />;
}

const quoted = (text: string) => (/^[\w.-]+$/.test(text) ? text : JSON.stringify(text));

export function CostPanel({ report, runs, range, shown, isTable, onBrush }: WithReport & { runs: Load<RunsAnswer> }) {
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const head = ['Period', 'Per run', 'Change', 'p50', 'p95', 'Max', 'Total', 'Runs'];
  const costs = report ? [report.cost, report.cost_before] : [];
  const figures = costs.map((cost, i): FigureRow => {
    const isKnown = cost.runs > 0;
    const dollars = (nano: number | null) => ({ text: or(isKnown, money(nano)), exact: isKnown ? nano : null });
    const before = i === 0 && report ? mean(report.cost_before.total_nano_usd, report.cost_before.runs) : null;
    const perRun = mean(cost.total_nano_usd, cost.runs);
    return {
      key: String(i),
      plain: i === 0 ? 'now' : 'before',
      name: i === 0 ? 'now' : 'before',
      cells: [
        dollars(perRun),
        { text: i === 0 ? changeText(perRun, before) : '' },
        dollars(cost.p50_nano_usd),
        dollars(cost.p95_nano_usd),
        dollars(cost.max_nano_usd),
        { text: money(cost.total_nano_usd), exact: cost.total_nano_usd },
        { text: count(cost.runs) },
      ],
    };
  });
  const found = runs.data.value;
  const dots = useMemo(() => dotsOf(found?.runs ?? []), [found]);
  const p50 = report && report.cost.runs > 0 ? report.cost.p50_nano_usd : null;
  return (
    <Panel
      title="Cost per run"
      sample={
        report
          ? `${count(report.cost.runs)} runs, ${count(report.cost.over_limit)} over ${money(report.limit_nano_usd)}`
          : undefined
      }
      traceql={queryPath(kQuestions.cost, range)}
      sql={sqlPath(kQuestions.cost, range)}
      tools={<Tools name="cost" table={{ head, rows: figures }} canvas={canvas} />}
    >
      <p class="panel-note">
        a dot a run <span class="dot-key" aria-hidden="true" /> ring: something was blocked
      </p>
      <Loaded load={runs} what="the runs" rows={4}>
        {() =>
          isTable ? (
            <div class="points">
              <FiguresTable
                caption="Cost of each run"
                head={['Run', 'Cost', 'Status']}
                rows={[...dots].reverse().map(({ run }) => ({
                  key: run.trace_id,
                  plain: run.run_id ?? run.trace_id,
                  name: (
                    <a href={href(`/trace/${run.trace_id}`)} class="mono">
                      <Text text={run.run_id ?? run.trace_id} max={40} />
                    </a>
                  ),
                  cells: [{ text: money(run.cost_nano_usd), exact: run.cost_nano_usd }, { text: run.status }],
                }))}
              />
            </div>
          ) : (
            <Chart
              label={`Cost of ${dots.length} runs over time`}
              range={shown ?? range}
              dots={dots}
              level={p50 === null ? undefined : { value: p50, name: `p50 ${money(p50)}` }}
              format={(nano) => money(nano)}
              onBrush={onBrush}
              canvas={(element) => {
                canvas.current = element;
              }}
            />
          )
        }
      </Loaded>
      <Figures report={report} caption="Cost per run" head={head} rows={figures} none="" />
    </Panel>
  );
}

function dotsOf(runs: readonly Run[]): (Dot & { run: Run })[] {
  return runs
    .filter((run) => run.cost_nano_usd !== null)
    .map((run) => ({
      run,
      time: Number(BigInt(run.start_ns) / 1_000_000n),
      value: Number(run.cost_nano_usd),
      tone: run.errors > 0 ? 'bad' : 'neutral',
      ring: run.blocked > 0,
      title: `${run.workflow ?? run.root ?? run.trace_id} ${run.version ?? ''}\n${money(run.cost_nano_usd)} · ${run.status}${run.blocked > 0 ? ` · ${run.blocked} blocked` : ''}\n${run.run_id ?? run.trace_id}`,
      open: () => go(`/trace/${run.trace_id}`),
    }))
    .sort((a, b) => a.time - b.time);
}

export function TokensPanel({ report, range }: WithReport) {
  const rows = report?.tokens_by_version ?? [];
  const most = longest(rows.map((row) => mean(row.now.tokens, row.now.runs) ?? 0));
  const head = ['Workflow', 'Per run', 'Change', 'Input', 'Cached', 'Output', 'Runs'];
  const figures = rows.map((row, i): FigureRow => {
    const { now } = row;
    const perRun = (sum: number) => ({ text: or(now.runs > 0, count(mean(sum, now.runs))) });
    const name = row.version === '' ? row.workflow : `${row.workflow} ${row.version}`;
    return {
      key: name,
      plain: name,
      name: (
        <span class="stack-name">
          <a
            href={href(
              searchPath(
                range,
                `meshflow.workflow.name=${quoted(row.workflow)} meshflow.workflow.version=${quoted(row.version)}`,
              ),
            )}
          >
            <Text text={name || '(none)'} max={48} />
          </a>
          <TokenBar tokens={now} most={most} />
        </span>
      ),
      cells: [
        perRun(now.tokens),
        { text: versionChange(row, rows[i - 1]) },
        perRun(now.input),
        perRun(now.cached),
        perRun(now.output),
        { text: count(now.runs) },
      ],
    };
  });
  const runs = rows.reduce((sum, row) => sum + row.now.runs, 0);
  return (
    <Panel
      title="Tokens by workflow version"
      sample={report ? `${count(runs)} runs` : undefined}
      traceql={queryPath(kQuestions.tokens, range)}
      sql={sqlPath(kQuestions.tokens, range)}
      tools={<Tools name="tokens" table={{ head, rows: figures }} />}
    >
      <p class="panel-note">
        mean per run: <i class="key-input" aria-hidden="true" /> input <i class="key-cached" aria-hidden="true" /> of it
        cached <i class="key-output" aria-hidden="true" /> output
      </p>
      <Figures
        report={report}
        caption="Tokens by workflow version"
        head={head}
        rows={figures}
        none="No run says how many tokens it used."
      />
    </Panel>
  );
}

function TokenBar({ tokens, most }: { tokens: Report['tokens_by_version'][number]['now']; most: number }) {
  if (tokens.runs === 0) return null;
  const part = (sum: number) => `${(sum / tokens.runs / most) * 100}%`;
  return (
    <span class="token-bar" aria-hidden="true">
      <span class="key-input" style={{ width: part(tokens.input - tokens.cached) }} />
      <span class="key-cached" style={{ width: part(tokens.cached) }} />
      <span class="key-output" style={{ width: part(tokens.output) }} />
    </span>
  );
}

export function CarbonPanel({ report, range }: WithReport) {
  const rows = report?.carbon_by_variant ?? [];
  const highest = longest(
    rows.map((row) => Math.max(row.now.high_nanograms, row.now.nanograms) / Math.max(1, row.now.runs)),
  );
  const head = ['Variant', 'Per run', 'Change', 'Low', 'High', 'Runs'];
  const figures = rows.map(({ variant, now, before }): FigureRow => {
    const each = (sum: number) => ({ text: grams(mean(sum, now.runs)), exact: mean(sum, now.runs) });
    return {
      key: variant,
      plain: variant,
      name: (
        <span class="stack-name">
          <Text text={variant || '(none)'} max={48} />
          {now.runs > 0 && <Whisker carbon={now} highest={highest} />}
        </span>
      ),
      cells: [
        each(now.nanograms),
        { text: changeText(mean(now.nanograms, now.runs), mean(before.nanograms, before.runs)) },
        each(now.low_nanograms),
        each(now.high_nanograms),
        { text: count(now.runs) },
      ],
    };
  });
  const runs = rows.reduce((sum, row) => sum + row.now.runs, 0);
  return (
    <Panel
      title="Carbon per variant"
      sample={report ? `${count(runs)} runs` : undefined}
      traceql={queryPath(kQuestions.carbon, range)}
      sql={sqlPath(kQuestions.carbon, range)}
      tools={<Tools name="carbon" table={{ head, rows: figures }} />}
    >
      <p class="panel-note">mean per run, with the low and high end of the estimate</p>
      <Figures
        report={report}
        caption="Carbon per variant"
        head={head}
        rows={figures}
        none="No run says what it emitted."
      />
    </Panel>
  );
}

function Whisker({ carbon, highest }: { carbon: Report['carbon_by_variant'][number]['now']; highest: number }) {
  const at = (sum: number) => (sum / carbon.runs / highest) * 100;
  const [low, middle, high] = [at(carbon.low_nanograms), at(carbon.nanograms), at(carbon.high_nanograms)];
  return (
    <span class="whisker" aria-hidden="true">
      <span class="whisker-line" style={{ left: `${low}%`, width: `${Math.max(0, high - low)}%` }} />
      <span class="whisker-dot" style={{ left: `${middle}%` }} />
    </span>
  );
}

export function BlocksPanel({ report, range, shown, isTable, onBrush }: WithReport) {
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const curves = useCurves(kQuestions.blocks.traceql, shown);
  const agents = (report?.latency_by_role ?? []).reduce((sum, row) => sum + row.now.spans, 0);
  const rows = report?.blocked_by_rule ?? [];
  const blocked = rows.reduce((sum, row) => sum + row.now.spans, 0);
  const most = longest(rows.map((row) => row.now.spans));
  const head = ['Rule', 'Blocked', 'Change', 'Of agents', 'Runs'];
  const figures = rows.map(
    ({ rule, roles, now, before }, i): FigureRow => ({
      key: rule,
      plain: rule,
      name: (
        <>
          <span class="line-name">
            <Swatch tone="bad" dash={i % kDashCount} />
            <a href={href(`/blocked?rule=${encodeURIComponent(rule)}`)}>
              <Text text={rule || '(none)'} max={48} />
            </a>
          </span>{' '}
          <span class="detail">
            <Text text={roles} max={48} />
          </span>
        </>
      ),
      cells: [
        { text: count(now.spans), bar: now.spans / most, bad: now.spans > 0 },
        { text: changeText(now.spans, before.spans) },
        { text: agents > 0 ? percent(now.spans / agents) : '–' },
        { text: count(now.runs) },
      ],
    }),
  );
  return (
    <Panel
      title="Blocked by rule and role"
      sample={report ? `${count(blocked)} of ${count(agents)} agents` : undefined}
      traceql={queryPath(kQuestions.blocks, range)}
      sql={sqlPath(kQuestions.blocks, range)}
      tools={<Tools name="blocked" table={{ head, rows: figures }} canvas={canvas} />}
    >
      <p class="panel-note">blocked spans over time</p>
      <CurveChart
        load={curves}
        what="Blocked spans by rule"
        range={shown ?? range}
        kind="lines"
        lines={(data) =>
          blockLines(
            data,
            rows.map((row) => row.rule),
          )
        }
        format={(value) => count(Math.round(value))}
        whole
        isTable={isTable}
        onBrush={onBrush}
        canvas={(element) => {
          canvas.current = element;
        }}
      />
      <Figures
        report={report}
        caption="Blocked by rule"
        head={head}
        rows={figures}
        none={`Nothing was blocked among ${count(agents)} agents.`}
      />
      {report && rows.length > 0 && curves.data.value && <RoleRates report={report} curves={curves.data.value} />}
    </Panel>
  );
}

function blockLines(curves: Curves, rules: readonly string[]): ChartLine[] {
  return sumBy(curves, 'span.meshflow.rule_id').lines.map((line) => {
    const rule = line.labels['span.meshflow.rule_id'];
    return {
      name: rule || '(none)',
      tone: 'bad',
      dash: Math.max(0, rules.indexOf(rule)) % kDashCount,
      values: line.values,
    };
  });
}

// How many of a role's agents were blocked.
function RoleRates({ report, curves }: { report: Report; curves: Curves }) {
  const blocked = new Map(
    sumBy(curves, 'span.meshflow.role').lines.map((line) => [line.labels['span.meshflow.role'], total(line)]),
  );
  const rows = report.latency_by_role
    .filter((row) => row.now.spans > 0)
    .map((row): FigureRow => {
      const spans = blocked.get(row.role) ?? 0;
      return {
        key: row.role,
        plain: row.role,
        name: <RoleName role={row.role} />,
        cells: [
          { text: count(spans), bad: spans > 0 },
          { text: percent(spans / row.now.spans) },
          { text: count(row.now.spans) },
        ],
      };
    });
  return <FiguresTable caption="Blocked by role" head={['Role', 'Blocked', 'Of its agents', 'Agents']} rows={rows} />;
}

const kStatusTones: Record<string, string> = {
  aborted: 'bad',
  failed: 'bad',
  error: 'bad',
  rejected: 'bad',
  paused: 'pending',
  pending: 'pending',
};

export function StatusPanel({ range, shown, isTable, onBrush }: PanelProps) {
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const curves = useCurves(kQuestions.status.traceql, shown);
  const lines = (data: Curves) =>
    chartLines(data, 'span.meshflow.status').map((line) => ({
      ...line,
      tone: kStatusTones[line.name] ?? 'neutral',
    }));
  const data = curves.data.value;
  const sums = data ? sumBy(data, 'span.meshflow.status').lines : [];
  const all = sums.reduce((sum, line) => sum + total(line), 0);
  const head = ['Status', 'Runs', 'Share'];
  const figures = sums
    .map((line) => ({ status: line.labels['span.meshflow.status'] || '(none)', runs: total(line) }))
    .sort((a, b) => b.runs - a.runs)
    .map(
      ({ status, runs }): FigureRow => ({
        key: status,
        plain: status,
        name: (
          <span class="line-name">
            <Swatch tone={kStatusTones[status] ?? 'neutral'} block />
            <a href={href(searchPath(range, `meshflow.status=${quoted(status)}`))}>
              <StatusMark status={status} />
            </a>
          </span>
        ),
        cells: [{ text: count(runs), bar: runs / Math.max(1, all) }, { text: percent(runs / Math.max(1, all)) }],
      }),
    );
  return (
    <Panel
      title="Runs by status"
      sample={data ? `${count(all)} runs` : undefined}
      traceql={queryPath(kQuestions.status, range)}
      sql={sqlPath(kQuestions.status, range)}
      tools={<Tools name="status" table={{ head, rows: figures }} canvas={canvas} />}
    >
      <p class="panel-note">runs over time</p>
      <CurveChart
        load={curves}
        what="Runs by status"
        range={shown ?? range}
        kind="bars"
        lines={lines}
        format={(value) => count(Math.round(value))}
        whole
        isTable={isTable}
        onBrush={onBrush}
        canvas={(element) => {
          canvas.current = element;
        }}
      />
      {data && figures.length > 0 && <FiguresTable caption="Runs by status" head={head} rows={figures} />}
      {data && figures.length === 0 && <p class="panel-none">No run began.</p>}
    </Panel>
  );
}
