// SQL: anything else, in SQL over the documented views.
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useLoad } from '@/api/load';
import { sql as askSql, type SqlAnswer } from '@/api/sql';
import { href } from '@/app/location';
import { type Cell, chartOf, chartShape, isNumberType } from '@/model/sql_shape';
import { kSqlViews } from '@/model/sql_views';
import { csvCell } from '@/model/text';
import { count, threeDigits } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { Chart } from '@/ui/chart/chart';
import { kDashCount } from '@/ui/chart/shapes';
import { saveFile } from '@/ui/save';
import { Empty, Loaded, Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import '@/styles/panels.css';
import '@/styles/query.css';
import { problemOf, useAsking } from './asking';
import { type Example, Examples, QueryForm } from './form';
import { Kept } from './kept';
import { ResultBar, type ResultView } from './results';

const kRowsShown = 1000;

const kExamples: readonly Example[] = [
  [
    'the newest runs',
    'SELECT start_time, run_id, workflow_name, status, cost_usd, tokens\nFROM runs ORDER BY start_ns DESC LIMIT 50',
  ],
  ['cost over time', 'SELECT start_time, cost_usd\nFROM runs ORDER BY start_ns'],
  [
    'tokens by version',
    'SELECT workflow_name, workflow_version, count(*) AS runs, avg(tokens) AS tokens\nFROM runs GROUP BY ALL ORDER BY ALL',
  ],
  [
    'what was blocked',
    "SELECT start_time, trace_id, role, rule_id, status_message\nFROM spans WHERE verdict = 'blocked' ORDER BY start_ns DESC",
  ],
  ['attributes in use', 'SELECT key, count(*) AS spans\nFROM attributes GROUP BY key ORDER BY spans DESC'],
];

export default function SqlScreen() {
  const asking = useAsking('sql', 'SQL');
  const { asked, view, text, run } = asking;
  const result = useLoad<SqlAnswer | null>(asked === '' ? '' : `${asking.again} ${asked}`, (signal) =>
    asked.trim() === '' ? Promise.resolve(null) : askSql(asked, signal),
  );
  const error = result.error.value;
  const problem = useMemo(() => problemOf(asked, error, (line, column) => wordAt(asked, line, column)), [error]);
  const insert = (word: string) => {
    text.value = text.peek() === '' ? `SELECT * FROM ${word} LIMIT 100` : `${text.peek().trimEnd()} ${word}`;
  };
  return (
    <div class="query">
      <h1 class="unseen">SQL</h1>
      <div class="query-main">
        <QueryForm
          asking={asking}
          language="sql"
          name="SQL"
          label="SQL"
          placeholder="SELECT run_id, cost_usd FROM runs WHERE cost_usd > 0.01"
          problem={problem}
        >
          <span class="detail">read-only, DuckDB’s dialect, at most 10,000 rows and 30 s</span>
        </QueryForm>
        <Boundary what="the answer">
          {asked === '' ? (
            <Examples of={kExamples} onChoose={run} />
          ) : (
            <Loaded load={result} what="the query">
              {(answer) => answer && <SqlResult answer={answer} view={view} onView={asking.setView} />}
            </Loaded>
          )}
        </Boundary>
      </div>
      <aside class="query-side">
        <Kept language="sql" onChoose={run} />
        <section aria-label="Views and their columns">
          <h3>Views</h3>
          {kSqlViews.map((each) => (
            <details key={each.name} class="sql-view">
              <summary>
                <code>{each.name}</code> <span class="detail">{each.of}</span>
              </summary>
              <p class="sql-columns">
                {each.columns.map((column) => (
                  <button type="button" class="link mono" key={column} onClick={() => insert(column)}>
                    {column}
                  </button>
                ))}
              </p>
            </details>
          ))}
        </section>
      </aside>
    </div>
  );
}

// How long the word at a place is, where the server says only where it begins.
function wordAt(text: string, line: number, column: number): number {
  const rest = [...(text.split('\n')[line - 1] ?? '')].slice(column - 1).join('');
  return Math.max(1, [...(/^\w+/.exec(rest)?.[0] ?? '')].length);
}

function SqlResult({
  answer,
  view,
  onView,
}: {
  answer: SqlAnswer;
  view: ResultView;
  onView: (view: ResultView) => void;
}) {
  const shape = useMemo(() => chartShape(answer.columns), [answer]);
  const chart = useMemo(() => (shape ? chartOf(shape, answer.columns, answer.rows) : null), [answer]);
  if (answer.rows.length === 0) {
    return (
      <Empty title="0 rows">
        <p>
          The query ran, within {threeDigits(answer.elapsed_ms)} ms, and no row fits. Columns:{' '}
          {answer.columns.map((column) => column.name).join(', ')}.
        </p>
      </Empty>
    );
  }
  const isChart = view === 'chart' && chart !== null && chart.times.length > 0;
  return (
    <>
      <ResultBar
        views={
          chart
            ? [
                ['', 'table'],
                ['chart', 'chart'],
              ]
            : []
        }
        view={view}
        onView={onView}
        onCsv={() => saveRows(answer)}
      >
        {answer.rows.length === 1 ? '1 row' : `${count(answer.rows.length)} rows`}{' '}
        <span class="detail">{threeDigits(answer.elapsed_ms)} ms</span>
      </ResultBar>
      {answer.truncated && <Partial>truncated: there are more than {count(answer.rows.length)} rows</Partial>}
      {isChart ? (
        <div class="result-chart">
          <Chart
            label="The result over time"
            range={{ from: chart.times[0], to: Math.max(chart.times[chart.times.length - 1], chart.times[0] + 1000) }}
            times={chart.times.map(Math.round)}
            lines={chart.lines.slice(0, 24).map((line, i) => ({ ...line, tone: 'neutral', dash: i % kDashCount }))}
            format={(value) => (Number.isInteger(value) ? count(value) : threeDigits(value))}
            height={320}
          />
        </div>
      ) : (
        <Rows answer={answer} />
      )}
    </>
  );
}

function Rows({ answer }: { answer: SqlAnswer }) {
  const shown = useSignal(kRowsShown);
  const { columns, rows } = answer;
  return (
    <>
      <div class="table-scroll">
        <table class="grid">
          <caption class="unseen">Rows of the answer</caption>
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th scope="col" key={i} class={isNumberType(column.type) ? 'number' : ''} title={column.type}>
                  <Text text={column.name} max={60} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown.value).map((row, i) => (
              <tr key={i}>
                {row.map((cell, at) => (
                  <td key={at} class={isNumberType(columns[at].type) ? 'number' : ''}>
                    <CellText cell={cell} column={columns[at].name} row={row} answer={answer} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > shown.value && (
        <p class="more">
          {count(shown.value)} of {count(rows.length)} rows{' '}
          <button
            type="button"
            onClick={() => {
              shown.value += kRowsShown;
            }}
          >
            Show more
          </button>
        </p>
      )}
    </>
  );
}

// Ids lead to what they name.
function CellText({ cell, column, row, answer }: { cell: Cell; column: string; row: Cell[]; answer: SqlAnswer }) {
  if (cell === null) return <span class="detail">NULL</span>;
  const text = String(cell);
  if (/^(linked_)?trace_id$/.test(column) && /^[0-9a-f]{32}$/.test(text)) {
    return (
      <a href={href(`/trace/${text}`)} class="mono">
        {text}
      </a>
    );
  }
  const trace = row[answer.columns.findIndex((each) => each.name === 'trace_id')];
  if (column === 'span_id' && typeof trace === 'string' && /^[0-9a-f]{16}$/.test(text)) {
    return (
      <a href={href(`/trace/${trace}?span=${text}`)} class="mono">
        {text}
      </a>
    );
  }
  if (column === 'run_id' && /^run_[\w-]+$/.test(text)) {
    return (
      <a href={href(`/search?lookback=30d&tags=${encodeURIComponent(`run_id=${text}`)}`)} class="mono">
        {text}
      </a>
    );
  }
  return <Text text={text} max={200} />;
}

function saveRows({ columns, rows }: SqlAnswer) {
  const lines = [columns.map((column) => column.name), ...rows];
  saveFile('rows.csv', 'text/csv', lines.map((line) => line.map(csvCell).join(',')).join('\r\n'));
}
