// One row per name of span; a row opens to its spans. Sorted by cost it says which node was the dearest.
import { useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { useMemo } from 'preact/hooks';
import { nodeOf } from '@/model/outline';
import { titleOf } from '@/model/row_words';
import { selfTime } from '@/model/self_time';
import { csvCell } from '@/model/text';
import { count, duration, money } from '@/model/units';
import { Copy } from '@/ui/copy';
import { KindGlyph } from '@/ui/marks';
import { saveFile } from '@/ui/save';
import { Text } from '@/ui/text';
import type { TraceModel } from '../model';
import { type NameRow, rowsByName, treeAsText } from './rows';

interface Column {
  readonly name: string;
  readonly value: (row: NameRow) => number | string;
  readonly cell: (row: NameRow) => ComponentChild;
  readonly isText?: boolean;
}

const kColumns: readonly Column[] = [
  { name: 'Count', value: (row) => row.spans.length, cell: (row) => count(row.spans.length) },
  {
    name: 'Parents',
    value: (row) => row.parents[0]?.name ?? '',
    isText: true,
    cell: (row) => (
      <span class="parents">
        {row.parents.slice(0, 3).map((parent, i) => (
          <span key={parent.name}>
            {i > 0 && ', '}
            {parent.name === '' ? <em>root</em> : <Text text={parent.name} max={60} />}
            {row.parents.length > 1 && <span class="detail"> {count(parent.count)}</span>}
          </span>
        ))}
        {row.parents.length > 3 && <span class="detail"> and {row.parents.length - 3} more</span>}
      </span>
    ),
  },
  { name: 'Errors', value: (row) => row.errors, cell: (row) => trouble(row.errors, '⚠') },
  { name: 'Blocks', value: (row) => row.blocked, cell: (row) => trouble(row.blocked, '⊘') },
  { name: 'p50', value: (row) => row.p50, cell: (row) => duration(row.p50) },
  {
    name: 'p95',
    value: (row) => row.p95,
    cell: (row) =>
      row.spans.length < 20 ? (
        <span title="fewer than 20 spans: the longest">{duration(row.max)}*</span>
      ) : (
        duration(row.p95)
      ),
  },
  { name: 'Max', value: (row) => row.max, cell: (row) => duration(row.max) },
  { name: 'Self time', value: (row) => row.self, cell: (row) => duration(row.self) },
  { name: 'Cost', value: (row) => Number(row.cost ?? -1n), cell: (row) => money(row.cost) },
  { name: 'Tokens', value: (row) => row.tokens ?? -1, cell: (row) => count(row.tokens) },
];

function trouble(value: number, glyph: string): ComponentChild {
  return value === 0 ? <span class="zero">0</span> : <span class="bad">{`${glyph} ${count(value)}`}</span>;
}

export default function SpanTable({ model }: { model: TraceModel }) {
  const { outline, tree } = model;
  const rows = useMemo(() => rowsByName(outline, tree), [outline]);
  const sort = useSignal({ column: 'Count', isDown: true });
  const open = useSignal<ReadonlySet<string>>(new Set());
  // A foreign trace has no cost and no verdicts.
  const columns = kColumns.filter(
    (column) =>
      (column.name !== 'Cost' || rows.some((row) => row.cost !== null)) &&
      (column.name !== 'Tokens' || rows.some((row) => row.tokens !== null)) &&
      (column.name !== 'Blocks' || outline.roles.length > 0 || model.blocked > 0),
  );
  const key = kColumns.find((column) => column.name === sort.value.column);
  const sortedBy = (row: NameRow) => key?.value(row) ?? row.name;
  const sorted = [...rows].sort((a, b) => {
    const [x, y] = [sortedBy(a), sortedBy(b)];
    const order = x < y ? -1 : x > y ? 1 : a.name < b.name ? -1 : 1;
    return sort.value.isDown ? -order : order;
  });
  const longest = Math.max(1, ...rows.map((row) => row.self));
  const toggle = (name: string) => {
    const next = new Set(open.value);
    if (!next.delete(name)) next.add(name);
    open.value = next;
  };
  const heading = (name: string, isNumber: boolean) => {
    const isSorted = sort.value.column === name;
    return (
      <th
        scope="col"
        key={name}
        class={isNumber ? 'number' : ''}
        aria-sort={isSorted ? (sort.value.isDown ? 'descending' : 'ascending') : undefined}
      >
        <button
          type="button"
          class="sort"
          onClick={() => {
            sort.value = { column: name, isDown: isSorted ? !sort.value.isDown : isNumber };
          }}
        >
          {name}
          <span aria-hidden="true">{isSorted ? (sort.value.isDown ? ' ↓' : ' ↑') : ''}</span>
        </button>
      </th>
    );
  };
  return (
    <div class="span-table">
      <div class="results-bar">
        <h2 class="total">
          {count(rows.length)} names, {count(outline.count)} spans
        </h2>
        <span class="gap" />
        <Copy label="Copy the tree as text" text={() => treeAsText(outline, tree, (span) => titleOf(outline, span))}>
          Tree as text
        </Copy>
        <button type="button" class="link" onClick={() => saveCsv(outline.traceId, sorted)}>
          CSV
        </button>
      </div>
      <div class="table-scroll">
        <table class="runs">
          <caption class="unseen">Spans by name</caption>
          <thead>
            <tr>
              {heading('Name', false)}
              {columns.map((column) => heading(column.name, !column.isText))}
            </tr>
          </thead>
          <tbody>
            {sorted.flatMap((row) => [
              <tr key={row.name}>
                <th scope="row" class="name-cell">
                  <button
                    type="button"
                    class="arrow-button"
                    aria-expanded={open.value.has(row.name)}
                    onClick={() => toggle(row.name)}
                  >
                    <span class="arrow" aria-hidden="true">
                      {open.value.has(row.name) ? '▾' : '▸'}
                    </span>
                    <KindGlyph kind={outline.kind[row.spans[0]]} tone={model.tone(row.spans[0])} />{' '}
                    <Text text={row.name || '(no name)'} max={120} />
                  </button>
                </th>
                {columns.map((column) => (
                  <td key={column.name} class={column.isText ? '' : 'number'}>
                    {column.name === 'Self time' ? (
                      <span class="bar-cell">
                        <span class="bar" style={{ width: `${(row.self / longest) * 100}%` }} />
                        <span>{column.cell(row)}</span>
                      </span>
                    ) : (
                      column.cell(row)
                    )}
                  </td>
                ))}
              </tr>,
              ...(open.value.has(row.name)
                ? [<Members key={`${row.name} spans`} model={model} row={row} columns={columns.length} />]
                : []),
            ])}
          </tbody>
        </table>
      </div>
    </div>
  );
}

const kMembersShown = 200;

function Members({ model, row, columns }: { model: TraceModel; row: NameRow; columns: number }) {
  const { outline, tree } = model;
  const isWhole = useSignal(false);
  const spans = isWhole.value ? row.spans : row.spans.slice(0, kMembersShown);
  return (
    <tr class="members">
      <td colSpan={columns + 1}>
        <table>
          <caption class="unseen">The spans named {row.name}</caption>
          <thead>
            <tr>
              <th scope="col">Span</th>
              <th scope="col">Node</th>
              <th scope="col" class="number">
                Start
              </th>
              <th scope="col" class="number">
                Duration
              </th>
              <th scope="col" class="number">
                Self time
              </th>
              <th scope="col" class="number">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {spans.map((span) => (
              <tr key={span}>
                <td class="mono">
                  <button
                    type="button"
                    class="link"
                    onClick={() => model.change({ view: 'waterfall', span: outline.spanId(span) })}
                  >
                    {outline.spanId(span)}
                  </button>
                </td>
                <td>
                  <Text text={nodeOf(outline, span)} max={60} />
                </td>
                <td class="number">+{duration(outline.start[span])}</td>
                <td class="number">{duration(outline.duration[span])}</td>
                <td class="number">{duration(selfTime(tree, outline, span))}</td>
                <td class="number">{money(outline.cost[span])}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {spans.length < row.spans.length && (
          <button
            type="button"
            class="link"
            onClick={() => {
              isWhole.value = true;
            }}
          >
            show all {count(row.spans.length)}
          </button>
        )}
      </td>
    </tr>
  );
}

function saveCsv(traceId: string, rows: readonly NameRow[]) {
  const head = [
    'name',
    'count',
    'parents',
    'errors',
    'blocked',
    'p50_ns',
    'p95_ns',
    'max_ns',
    'self_ns',
    'cost_nano_usd',
    'tokens',
  ];
  const lines = rows.map((row) => [
    row.name,
    row.spans.length,
    row.parents.map((parent) => parent.name || 'root').join(' '),
    row.errors,
    row.blocked,
    row.p50,
    row.p95,
    row.max,
    row.self,
    row.cost,
    row.tokens,
  ]);
  saveFile(
    `${traceId}.spans.csv`,
    'text/csv',
    [head, ...lines].map((line) => line.map(csvCell).join(',')).join('\r\n'),
  );
}
