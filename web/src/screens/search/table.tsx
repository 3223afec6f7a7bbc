// The runs as a table. Columns sort on the server.
import type { ComponentChild } from 'preact';
import type { Run } from '@/api/types';
import { href } from '@/app/location';
import { shortId } from '@/model/ids';
import type { SearchState } from '@/model/search_url';
import { plain } from '@/model/text';
import { carbon, count, duration, money } from '@/model/units';
import { Copy } from '@/ui/copy';
import { StatusMark } from '@/ui/marks';
import { Text } from '@/ui/text';
import { Age } from '@/ui/time';

interface Column {
  readonly name: string;
  readonly sort?: string; // the field that it sorts by
  readonly isNumber?: boolean;
  readonly isOfRuns?: boolean; // left out where nothing found is a run of MeshFlow
  readonly cell: (run: Run, longest: number) => ComponentChild;
}

const kColumns: readonly Column[] = [
  {
    name: 'Root',
    sort: 'root',
    cell: (run) => (
      <a href={href(`/trace/${run.trace_id}`)} class="root-link" title={plain(run.root ?? '')}>
        <Text text={run.workflow ?? run.root ?? '(no root span yet)'} max={100} />
        {run.workflow === null && (
          <span class="root-detail">
            <Text text={run.service ?? ''} max={60} />
          </span>
        )}
      </a>
    ),
  },
  {
    name: 'Run',
    cell: (run) => (
      <span class="mono id">
        <span class="id-short" title={run.run_id ?? run.trace_id}>
          <Text text={run.run_id ?? shortId(run.trace_id)} max={40} />
        </span>
        <Copy label={run.run_id ? 'Copy the run id' : 'Copy the trace id'} text={() => run.run_id ?? run.trace_id} />
      </span>
    ),
  },
  { name: 'Status', sort: 'status', cell: (run) => <StatusMark status={run.status} /> },
  {
    name: 'Duration',
    sort: 'duration_ns',
    isNumber: true,
    cell: (run, longest) => (
      <span class="bar-cell">
        <span class="bar" style={{ width: `${Math.max(2, (run.duration_ns / longest) * 100)}%` }} />
        <span>{duration(run.duration_ns)}</span>
      </span>
    ),
  },
  { name: 'Spans', sort: 'spans', isNumber: true, cell: (run) => count(run.spans) },
  { name: 'Errors', sort: 'errors', isNumber: true, cell: (run) => marked(run.errors, '⚠') },
  { name: 'Blocks', sort: 'blocked', isNumber: true, cell: (run) => marked(run.blocked, '⊘') },
  { name: 'Cost', sort: 'cost_nano_usd', isNumber: true, isOfRuns: true, cell: (run) => money(run.cost_nano_usd) },
  { name: 'Tokens', sort: 'tokens', isNumber: true, isOfRuns: true, cell: (run) => count(run.tokens?.total) },
  { name: 'Carbon', sort: 'carbon_g', isNumber: true, isOfRuns: true, cell: (run) => carbon(run.carbon_g) },
  {
    name: 'Version',
    sort: 'version',
    isOfRuns: true,
    cell: (run) => (
      <>
        <Text text={run.version ?? '–'} max={24} />
        {run.variant && (
          <span class="detail">
            {' '}
            <Text text={run.variant} max={24} />
          </span>
        )}
      </>
    ),
  },
  { name: 'Age', sort: 'start_ns', isNumber: true, cell: (run) => <Age nanos={run.start_ns} /> },
];

function marked(value: number, glyph: string): ComponentChild {
  if (value === 0) return <span class="zero">0</span>;
  return (
    <span class="bad">
      <span aria-hidden="true">{glyph}</span> {count(value)}
    </span>
  );
}

interface Props {
  groups: readonly Group[];
  group: SearchState['group'];
  sort: string;
  marked: ReadonlySet<string>;
  active: number;
  onSort: (sort: string) => void;
  onMark: (traceId: string) => void;
  onActive: (row: number) => void;
}

export function RunsTable({ groups, group, sort, marked: marks, active, onSort, onMark, onActive }: Props) {
  const runs = groups.flatMap((each) => each.members);
  const hasRuns = runs.some((run) => run.run_id !== null || run.cost_nano_usd !== null);
  const columns = kColumns.filter((column) => hasRuns || !column.isOfRuns);
  const longest = Math.max(1, ...runs.map((run) => run.duration_ns));
  let row = -1;
  return (
    <div class="table-scroll">
      <table class="runs">
        <caption class="unseen">Traces that were found</caption>
        <thead>
          <tr>
            <th scope="col" class="mark-column">
              <span class="unseen">Marked</span>
            </th>
            {columns.map((column) => (
              <Heading column={column} sort={sort} onSort={onSort} key={column.name} />
            ))}
          </tr>
        </thead>
        {groups.map(({ name, members }) => (
          <tbody key={name}>
            {group !== '' && (
              <tr class="group-row">
                <th scope="rowgroup" colSpan={columns.length + 1}>
                  <Text text={name} max={80} /> <span class="detail">{count(members.length)}</span>
                </th>
              </tr>
            )}
            {members.map((run) => {
              const index = ++row;
              return (
                <tr
                  key={run.trace_id}
                  data-row={index}
                  class={index === active ? 'active' : ''}
                  onFocusIn={() => onActive(index)}
                >
                  <td class="mark-column">
                    <input
                      type="checkbox"
                      aria-label={`Mark ${run.run_id ?? run.trace_id}`}
                      checked={marks.has(run.trace_id)}
                      onChange={() => onMark(run.trace_id)}
                    />
                  </td>
                  {columns.map((column) => (
                    <td key={column.name} class={column.isNumber ? 'number' : ''}>
                      {column.cell(run, longest)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Heading({ column, sort, onSort }: { column: Column; sort: string; onSort: (sort: string) => void }) {
  // Age grows as the start goes back.
  const isDown = sort === `-${column.sort}`;
  const isUp = sort === column.sort;
  return (
    <th
      scope="col"
      class={column.isNumber ? 'number' : ''}
      aria-sort={isDown ? 'descending' : isUp ? 'ascending' : undefined}
    >
      {column.sort ? (
        <button type="button" class="sort" onClick={() => onSort(isDown ? column.sort! : `-${column.sort}`)}>
          {column.name}
          <span aria-hidden="true">{isDown ? ' ↓' : isUp ? ' ↑' : ''}</span>
        </button>
      ) : (
        column.name
      )}
    </th>
  );
}

export interface Group {
  readonly name: string;
  readonly members: readonly Run[];
}

// Groups in the order of their first runs.
export function grouped(runs: readonly Run[], group: SearchState['group']): Group[] {
  const groups = new Map<string, Run[]>();
  const nameOf = (run: Run) =>
    group === 'workflow'
      ? (run.workflow ?? run.service ?? 'no workflow')
      : group === 'conversation'
        ? (run.conversation ?? 'no conversation')
        : group === 'status'
          ? run.status
          : '';
  for (const run of runs) {
    const name = nameOf(run);
    const members = groups.get(name);
    if (members) members.push(run);
    else groups.set(name, [run]);
  }
  return [...groups].map(([name, members]) => ({ name, members }));
}
