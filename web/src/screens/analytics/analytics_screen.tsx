// Analytics: which role is slow, do costs grow, does a version use more tokens, which variant emits least, what is blocked?
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { report as askReport, kReportGroups, type ReportGroup } from '@/api/report';
import type { Run } from '@/api/types';
import { isScreen } from '@/app/has_screen';
import { useKeys } from '@/app/keys';
import { href, query, setQuery } from '@/app/location';
import { runsFilter } from '@/model/differ_url';
import { customPeriod, fitted, nanosOf, type Range, rangeOf, searchPath } from '@/model/period';
import { clockTime, count } from '@/model/units';
import { PeriodPicker } from '@/ui/period_picker';
import { ReadAgain } from '@/ui/read_again';
import { Empty, Failure, Partial, Progress } from '@/ui/states';
import '@/styles/panels.css';
import '@/styles/analytics.css';
import { GroupsPanel } from './groups';
import { BlocksPanel, CarbonPanel, CostPanel, LatencyPanel, StatusPanel, TokensPanel } from './panels';
import { type AnalyticsState, readAnalytics, writeAnalytics } from './state';

const kRunsShown = 1500;
const kRunsDiffer = 200; // that one query may name

export default function AnalyticsScreen() {
  const state = readAnalytics(query.value);
  const again = useSignal(0);
  const marked = useSignal<Range | null>(null);
  const go = (change: Partial<AnalyticsState>) => {
    marked.value = null;
    setQuery(writeAnalytics({ ...state, ...change }, query.peek()));
  };
  const { lookback, start, end } = state.period;
  const key = `${again.value} ${lookback} ${start} ${end}`;
  const range = useMemo(() => rangeOf(state.period), [key]);
  const report = useLoad(`${key} ${state.by}`, (signal) =>
    askReport(nanosOf(range.from), nanosOf(range.to), state.by, signal),
  );
  const runs = useLoad(key, (signal) =>
    api.runs({ start: nanosOf(range.from), end: nanosOf(range.to), limit: kRunsShown, sort: '-start_ns' }, signal),
  );
  useKeys(
    () => [
      {
        keys: 't',
        does: 'charts as tables of points',
        group: 'Analytics',
        run: () => {
          const now = readAnalytics(query.peek());
          setQuery(writeAnalytics({ ...now, isTable: !now.isTable }, query.peek()));
        },
      },
      { keys: 'Escape', does: 'forget the marked time', group: 'Analytics', run: () => clear() },
    ],
    [],
  );
  const clear = () => {
    if (marked.peek() === null) return false;
    marked.value = null;
  };

  const found = runs.data.value;
  const isWhole = found !== null && found.next_cursor === null;
  // Charts begin where the first of what there is began, once that is known.
  const shown = useMemo(() => {
    if (found === null) return runs.error.value ? range : null;
    return isWhole ? fitted(range, extentOf(found.runs)) : range;
  }, [found, range, runs.error.value]);
  const common = {
    range,
    shown,
    isTable: state.isTable,
    onBrush: (part: Range) => {
      marked.value = part;
    },
  };
  const isEmpty = found !== null && found.runs.length === 0 && runs.since.value === null;

  return (
    <div class="analytics">
      <h1 class="unseen">Analytics</h1>
      <div class="screen-bar">
        <PeriodPicker period={state.period} onPeriod={(period) => go({ period })} />
        <label>
          Group by{' '}
          <select value={state.by} onChange={(event) => go({ by: event.currentTarget.value as ReportGroup | '' })}>
            <option value="">each panel’s own</option>
            {kReportGroups.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        {shown !== null && shown !== range && !isEmpty && (
          <span class="detail">charts show where these ran, from {clockTime(nanosOf(shown.from))}</span>
        )}
        <span class="gap" />
        {found && (found.total ?? 0) > found.runs.length && (
          <Partial>
            {count(found.runs.length)} of {count(found.total)} traces as dots
          </Partial>
        )}
        {report.data.value?.is_cut && <Partial>the tables leave out their least groups</Partial>}
        <button type="button" class="link" aria-pressed={state.isTable} onClick={() => go({ isTable: !state.isTable })}>
          {state.isTable ? 'Charts' : 'Tables'} <kbd>t</kbd>
        </button>
        <ReadAgain again={again} />
      </div>
      {marked.value && (
        <Marked
          range={marked.value}
          runs={found?.runs ?? []}
          onZoom={(part) => go({ period: customPeriod(part) })}
          onClear={clear}
        />
      )}
      <Progress since={report.since.value} what="the figures" onCancel={report.cancel} />
      {report.error.value && <Failure error={report.error.value} what="the figures" onRetry={() => report.run()} />}
      {isEmpty ? (
        <Nothing onWiden={() => go({ period: { lookback: '30d', start: '', end: '' } })} isWide={lookback === '30d'} />
      ) : state.by === '' ? (
        <div class="panels">
          <LatencyPanel {...common} report={report.data.value} />
          <CostPanel {...common} report={report.data.value} runs={runs} />
          <TokensPanel {...common} report={report.data.value} />
          <CarbonPanel {...common} report={report.data.value} />
          <BlocksPanel {...common} report={report.data.value} />
          <StatusPanel {...common} />
        </div>
      ) : (
        <div class="panels">
          <GroupsPanel {...common} report={report.data.value} by={state.by} key={state.by} />
        </div>
      )}
    </div>
  );
}

function extentOf(runs: readonly Run[]): Range | null {
  if (runs.length === 0) return null;
  const starts = runs.map((run) => Number(BigInt(run.start_ns) / 1_000_000n));
  return {
    from: Math.min(...starts),
    to: Math.max(...runs.map((run, i) => starts[i] + run.duration_ns / 1e6)),
  };
}

// What can be done with the time that was marked in a chart.
interface MarkedProps {
  range: Range;
  runs: readonly Run[];
  onZoom: (range: Range) => void;
  onClear: () => void;
}

function Marked({ range, runs, onZoom, onClear }: MarkedProps) {
  const within = runs.filter((run) => {
    const start = Number(BigInt(run.start_ns) / 1_000_000n);
    return run.run_id !== null && start >= range.from && start <= range.to;
  });
  const differ = `/differ?${new URLSearchParams({ sel: runsFilter(within.map((run) => run.trace_id)), unit: 'run' })}`;
  return (
    <p class="marked-time" role="status">
      <strong>
        {clockTime(nanosOf(range.from))} to {clockTime(nanosOf(range.to))}
      </strong>
      <a href={href(searchPath(range))}>Search these runs</a>
      {isScreen('/differ') && within.length > 0 && within.length <= kRunsDiffer && (
        <a href={href(differ)}>What differs in these {within.length}</a>
      )}
      <button type="button" class="link" onClick={() => onZoom(range)}>
        Zoom in
      </button>
      <button type="button" class="link" onClick={onClear}>
        Forget <kbd>Esc</kbd>
      </button>
    </p>
  );
}

function Nothing({ isWide, onWiden }: { isWide: boolean; onWiden: () => void }) {
  const all = useLoad('all', (signal) => api.runs({ limit: 1 }, signal));
  const total = all.data.value?.total ?? null;
  return (
    <Empty title="Nothing ran within this time">
      {total === 0 ? (
        <p>
          The store is empty. <a href={href('/search')}>Search</a> says how to fill it.
        </p>
      ) : (
        <>
          {total !== null && <p>Without the limit of time there are {count(total)} traces.</p>}
          {!isWide && (
            <p>
              <button type="button" class="primary" onClick={onWiden}>
                Look at the last 30 days
              </button>
            </p>
          )}
        </>
      )}
    </Empty>
  );
}
