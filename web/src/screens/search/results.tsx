// What was found: a line about the newest run, the plot, the table.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError } from '@/api/client';
import * as api from '@/api/endpoints';
import type { Run, RunsAnswer } from '@/api/types';
import { isScreen } from '@/app/has_screen';
import { useKeys } from '@/app/keys';
import { go, href, query } from '@/app/location';
import { capabilities } from '@/app/server';
import type { SearchState } from '@/model/search_url';
import { csvCell } from '@/model/text';
import { carbon, count, duration, money } from '@/model/units';
import { StatusMark } from '@/ui/marks';
import { saveFile } from '@/ui/save';
import { Failure, Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import { Time } from '@/ui/time';
import { Plot } from './plot';
import { questionOf } from './question';
import { grouped, RunsTable } from './table';

interface Props {
  state: SearchState;
  answer: RunsAnswer;
  onState: (state: SearchState) => void;
}

export function Results({ state, answer, onState }: Props) {
  const more = useSignal<Run[]>([]);
  const cursor = useSignal(answer.next_cursor);
  const failure = useSignal<ApiError | null>(null);
  const marked = useSignal<ReadonlySet<string>>(new Set());
  const active = useSignal(0);
  const table = useRef<HTMLDivElement>(null);
  useEffect(() => {
    more.value = [];
    cursor.value = answer.next_cursor;
  }, [answer]);
  useEffect(() => {
    marked.value = new Set();
    active.value = 0;
  }, [state]);
  const groups = grouped([...answer.runs, ...more.value], state.group);
  const runs = groups.flatMap((group) => group.members); // as they stand in the table

  const loadMore = async () => {
    try {
      const next = await api.runs({ ...questionOf(state), cursor: cursor.value ?? undefined });
      more.value = [...more.value, ...next.runs];
      cursor.value = next.next_cursor;
      failure.value = null;
    } catch (error) {
      failure.value = error instanceof ApiError ? error : new ApiError(String(error), -1);
    }
  };

  const move = (step: number) => {
    active.value = Math.max(0, Math.min(runs.length - 1, active.value + step));
    table.current?.querySelector<HTMLElement>(`[data-row="${active.value}"] a`)?.focus();
  };
  const toggle = (id: string) => {
    const next = new Set(marked.value);
    if (!next.delete(id)) next.add(id);
    marked.value = next;
  };
  const toggleLive = () => onState({ ...state, live: !state.live });
  const latest = useRef({ runs, move, toggle, toggleLive });
  latest.current = { runs, move, toggle, toggleLive };
  useKeys(
    () => [
      { keys: 'j', does: 'next run', group: 'Search', run: () => latest.current.move(1) },
      { keys: 'k', does: 'previous run', group: 'Search', run: () => latest.current.move(-1) },
      {
        keys: 'Enter',
        does: 'open the run',
        group: 'Search',
        run: (event) => (event.target === document.body ? open(latest.current.runs[active.value]) : false),
      },
      { keys: 'l', does: 'live: follow new runs', group: 'Search', run: () => latest.current.toggleLive() },
      {
        keys: 'x',
        does: 'mark the run, to compare',
        group: 'Search',
        run: () => latest.current.toggle(latest.current.runs[active.value]?.trace_id ?? ''),
      },
    ],
    [],
  );

  const total = answer.total;
  return (
    <>
      {state.sort === '-start_ns' && <Newest run={runs.find((run) => run.run_id !== null) ?? runs[0]} />}
      {query.value.get('uiSearchHideGraph') !== '1' && <Plot runs={runs} onOpen={open} />}
      <div class="results-bar">
        <h2 class="total">
          {total === null ? `${count(runs.length)} traces` : total === 1 ? '1 trace' : `${count(total)} traces`}
        </h2>
        {total !== null && total > runs.length && (
          <Partial>
            {count(runs.length)} of {count(total)} are shown
          </Partial>
        )}
        {answer.partial && <Partial>{answer.partial}</Partial>}
        <MarkedTools marked={marked.value} />
        <span class="gap" />
        {capabilities.value?.live && (
          <button
            type="button"
            class="chip"
            aria-pressed={state.live}
            title="Follow new runs as they come (l)"
            onClick={() => onState({ ...state, live: !state.live })}
          >
            ● live
          </button>
        )}
        <label>
          Group by{' '}
          <select
            value={state.group}
            onChange={(event) => onState({ ...state, group: event.currentTarget.value as SearchState['group'] })}
          >
            <option value="">nothing</option>
            <option value="workflow">workflow</option>
            <option value="conversation">conversation</option>
            <option value="status">status</option>
          </select>
        </label>
        <button type="button" class="link" onClick={() => saveCsv(runs)}>
          CSV
        </button>
      </div>
      <div ref={table}>
        <RunsTable
          groups={groups}
          group={state.group}
          sort={state.sort}
          marked={marked.value}
          active={active.value}
          onSort={(sort) => onState({ ...state, sort })}
          onMark={toggle}
          onActive={(row) => {
            active.value = row;
          }}
        />
      </div>
      {failure.value && <Failure error={failure.value} what="the next runs" onRetry={loadMore} />}
      {cursor.value !== null && (
        <p class="more">
          <button type="button" onClick={loadMore}>
            Show the next {state.limit}
          </button>
        </p>
      )}
    </>
  );
}

function open(run: Run | undefined) {
  if (run) go(`/trace/${run.trace_id}`);
}

// One line about the newest run: the first thing to see after it has run.
function Newest({ run }: { run: Run | undefined }) {
  if (!run) return null;
  return (
    <p class="newest">
      <span class="newest-head">Newest</span>
      <StatusMark status={run.status} />
      <span class="newest-name">
        <Text text={run.workflow ?? run.root ?? '(no root span yet)'} max={60} />
      </span>
      <Time nanos={run.start_ns} />
      <span>{duration(run.duration_ns)}</span>
      <span>{count(run.spans)} spans</span>
      {run.blocked > 0 && (
        <span class="bad">
          <span aria-hidden="true">⊘</span> {run.blocked} blocked
          {run.blocked_rule ? (
            <>
              {' '}
              by{' '}
              <code>
                <Text text={run.blocked_rule} max={60} />
              </code>
            </>
          ) : (
            ''
          )}
        </span>
      )}
      {run.cost_nano_usd !== null && <span>{money(run.cost_nano_usd)}</span>}
      {run.tokens?.total != null && <span>{count(run.tokens.total)} tokens</span>}
      {run.carbon_g !== null && <span>{carbon(run.carbon_g)} CO₂e</span>}
      <a href={href(`/trace/${run.trace_id}`)}>open</a>
    </p>
  );
}

// Two marked runs can be compared; more, or fewer, asked what they have in common.
function MarkedTools({ marked }: { marked: ReadonlySet<string> }) {
  if (marked.size === 0) return null;
  const ids = [...marked];
  const selection = `{ ${ids.map((id) => `trace:id = "${id}"`).join(' || ')} }`;
  return (
    <span class="marked">
      {marked.size} marked
      {marked.size === 2 && <a href={href(`/trace/${ids[0]}...${ids[1]}`)}>Compare</a>}
      {marked.size > 2 && isScreen('/differ') && (
        <a href={href(`/differ?sel=${encodeURIComponent(selection)}`)}>What differs</a>
      )}
    </span>
  );
}

const kCsvColumns: [string, (run: Run) => unknown][] = [
  ['trace_id', (run) => run.trace_id],
  ['run_id', (run) => run.run_id],
  ['root', (run) => run.root],
  ['service', (run) => run.service],
  ['workflow', (run) => run.workflow],
  ['version', (run) => run.version],
  ['status', (run) => run.status],
  ['start_ns', (run) => run.start_ns],
  ['duration_ns', (run) => run.duration_ns],
  ['spans', (run) => run.spans],
  ['errors', (run) => run.errors],
  ['blocked', (run) => run.blocked],
  ['cost_nano_usd', (run) => run.cost_nano_usd],
  ['tokens', (run) => run.tokens?.total],
  ['carbon_g', (run) => run.carbon_g],
];

function saveCsv(runs: readonly Run[]) {
  const lines = [kCsvColumns.map(([name]) => name), ...runs.map((run) => kCsvColumns.map(([, of]) => of(run)))];
  saveFile('runs.csv', 'text/csv', lines.map((line) => line.map(csvCell).join(',')).join('\r\n'));
}
