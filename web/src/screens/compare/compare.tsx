// Compare: what changed between two runs?
import { useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { useMemo } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { useKeys } from '@/app/keys';
import { go, href, query, setParameters } from '@/app/location';
import { type CompareRow, changedAttributes, isChanged, matchTraces } from '@/model/compare';
import { shortId } from '@/model/ids';
import { type Tone, tonesOf } from '@/model/look';
import { agentOf, nameOf, nodeOf, type Outline, readOutline, roleOf, Status, Verdict } from '@/model/outline';
import { csvCell } from '@/model/text';
import { buildTree, type Tree } from '@/model/tree';
import { carbon, count, duration, money } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { KindGlyph } from '@/ui/marks';
import { saveFile } from '@/ui/save';
import { Empty, Failure, Loaded, Partial, Skeleton } from '@/ui/states';
import { Text, Value } from '@/ui/text';
import { Time } from '@/ui/time';
import '@/styles/panels.css';
import '@/styles/compare.css';

interface Side {
  readonly outline: Outline;
  readonly tree: Tree;
  readonly tone: (span: number) => Tone;
}

const kRowsShown = 1000;
// Of the root spans: what differs between any two runs says nothing.
const kAlwaysOther =
  /(run_id|trace_id|ledger\.|entry_hash|seq$|\.response\.id$|^meshflow\.(cost_usd|tokens|carbon_g|uncertainty|confidence))/;

async function readSide(id: string, signal: AbortSignal): Promise<Side> {
  const outline = readOutline(id, await api.outline(id, signal));
  const tree = buildTree(outline);
  return { outline, tree, tone: tonesOf(outline, tree) };
}

export default function Compare({ a, b }: { a: string; b: string }) {
  const load = useLoad(`${a} ${b}`, (signal) => Promise.all([readSide(a, signal), readSide(b, signal)]));
  const error = load.error.value;
  if (error?.status === 404) {
    return (
      <Empty title="One of the two traces is not here" isPage>
        <p>
          <a href={href(`/trace/${a}`)} class="mono">
            {shortId(a)}
          </a>{' '}
          and{' '}
          <a href={href(`/trace/${b}`)} class="mono">
            {shortId(b)}
          </a>
          : open each to see which.
        </p>
      </Empty>
    );
  }
  return (
    <div class="compare">
      <h1 class="unseen">Compare</h1>
      <Loaded load={load} what="the two traces" rows={14}>
        {([left, right]) => <Both a={left} b={right} />}
      </Loaded>
    </div>
  );
}

function Both({ a, b }: { a: Side; b: Side }) {
  const rows = useMemo(() => matchTraces(a, b), [a, b]);
  const onlyChanges = query.value.get('only') === '1';
  const selected = useSignal<CompareRow | null>(null);
  const more = useSignal(kRowsShown);
  const changed = useMemo(() => rows.filter((row) => isChanged(a.outline, b.outline, row)), [rows]);
  const shown = onlyChanges ? changed : rows;
  const scale = Math.max(a.outline.total, b.outline.total, 1);
  const toggle = () => setParameters({ only: query.peek().get('only') === '1' ? null : '1' });
  const swap = () => go(`/trace/${b.outline.traceId}...${a.outline.traceId}${onlyChanges ? '?only=1' : ''}`);
  useKeys(
    () => [
      { keys: 'x', does: 'swap the two', group: 'Compare', run: swap },
      { keys: 'c', does: 'only what changed', group: 'Compare', run: toggle },
      {
        keys: 'Escape',
        does: 'close the details',
        group: 'Compare',
        run: () => {
          if (selected.peek() === null) return false;
          selected.value = null;
        },
      },
    ],
    [a, b, onlyChanges],
  );
  return (
    <>
      <Totals a={a} b={b} />
      <Boundary what="changed attributes">
        <RootChanges a={a} b={b} />
      </Boundary>
      <div class="screen-bar">
        <h2 class="total">
          {count(changed.length)} of {count(rows.length)} rows differ
        </h2>
        <span class="gap" />
        <label>
          <input type="checkbox" checked={onlyChanges} onChange={toggle} /> only changes <kbd>c</kbd>
        </label>
        <button type="button" class="link" onClick={swap}>
          Swap <kbd>x</kbd>
        </button>
        <button type="button" class="link" onClick={() => saveRows(a, b, shown)}>
          CSV
        </button>
      </div>
      <div class="compare-body">
        <div class="table-scroll">
          <table class="compare-table">
            <caption class="unseen">Spans of both traces, matched by their place in the tree</caption>
            <thead>
              <tr>
                <th scope="col">Span</th>
                <th scope="col">
                  A above, B below; on one scale of <span class="nowrap">{duration(scale)}</span>
                </th>
                {['A', 'B', 'Δ time', 'Δ cost', 'Δ tokens', 'Verdict'].map((each) => (
                  <th scope="col" class="number" key={each}>
                    {each}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, more.value).map((row) => (
                <Row
                  key={row.key}
                  a={a}
                  b={b}
                  row={row}
                  scale={scale}
                  isSelected={selected.value === row}
                  onSelect={() => {
                    selected.value = selected.value === row ? null : row;
                  }}
                />
              ))}
            </tbody>
          </table>
          {shown.length === 0 && <p class="compare-none">No row differs.</p>}
          {shown.length > more.value && (
            <p class="more">
              {count(more.value)} of {count(shown.length)} rows{' '}
              <button
                type="button"
                onClick={() => {
                  more.value += kRowsShown;
                }}
              >
                Show more
              </button>
            </p>
          )}
        </div>
        {selected.value && (
          <aside class="compare-detail" aria-label="What differs in this span">
            <SpanChanges a={a} b={b} row={selected.value} key={selected.value.key} />
          </aside>
        )}
      </div>
    </>
  );
}

const signed = (value: number, format: (value: number) => string): string =>
  value === 0 ? '=' : `${value > 0 ? '+' : '−'}${format(Math.abs(value))}`;

function Totals({ a, b }: { a: Side; b: Side }) {
  const [x, y] = [a.outline.run, b.outline.run];
  const number = (text: string | null | undefined) => (text == null ? null : Number(text));
  const lines: readonly (readonly [string, number | null, number | null, (value: number) => string])[] = [
    ['Duration', a.outline.total, b.outline.total, duration],
    ['Spans', a.outline.count, b.outline.count, count],
    ['Errors', x?.errors ?? null, y?.errors ?? null, count],
    ['Blocks', x?.blocked ?? null, y?.blocked ?? null, count],
    ['Cost', number(x?.cost_nano_usd), number(y?.cost_nano_usd), money],
    ['Tokens', x?.tokens?.total ?? null, y?.tokens?.total ?? null, count],
    ['Carbon', x?.carbon_g ?? null, y?.carbon_g ?? null, carbon],
  ];
  return (
    <div class="table-scroll">
      <table class="compare-totals">
        <caption class="unseen">Both runs in a few words</caption>
        <thead>
          <tr>
            <td />
            <th scope="col">Run</th>
            <th scope="col">Workflow</th>
            <th scope="col">Status</th>
            <th scope="col">Started</th>
            {lines.map(([name]) => (
              <th scope="col" class="number" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[a, b].map((side, i) => {
            const run = side.outline.run;
            return (
              <tr key={i}>
                <th scope="row">{i === 0 ? 'A' : 'B'}</th>
                <td class="mono">
                  <a href={href(`/trace/${side.outline.traceId}`)}>
                    <Text text={run?.run_id ?? shortId(side.outline.traceId)} max={32} />
                  </a>
                </td>
                <td>
                  <Text text={[run?.workflow ?? run?.root, run?.version].filter((each) => each).join(' ')} max={60} />
                </td>
                <td>{run?.status ?? '–'}</td>
                <td>
                  <Time nanos={side.outline.startNs} />
                </td>
                {lines.map(([name, left, right, format]) => {
                  const value = i === 0 ? left : right;
                  return (
                    <td class="number" key={name}>
                      {value === null ? '–' : format(value)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
          <tr class="compare-delta">
            <th scope="row">B − A</th>
            <td colSpan={4} />
            {lines.map(([name, left, right, format]) => (
              <td class="number" key={name}>
                {left === null || right === null ? '–' : signed(right - left, format)}
              </td>
            ))}
          </tr>
        </tbody>
      </table>
    </div>
  );
}

const rootOf = ({ tree }: Side): number => (tree.count > 0 ? tree.order[0] : -1);

// Workflow, version, model, policy, digests of prompts: what the two roots say otherwise.
function RootChanges({ a, b }: { a: Side; b: Side }) {
  const [left, right] = [rootOf(a), rootOf(b)];
  const load = useLoad(`${a.outline.traceId} ${b.outline.traceId}`, (signal) =>
    left < 0 || right < 0
      ? Promise.resolve(null)
      : Promise.all([
          api.span(a.outline.traceId, a.outline.spanId(left), signal),
          api.span(b.outline.traceId, b.outline.spanId(right), signal),
        ]),
  );
  if (load.error.value) return <Failure error={load.error.value} what="the root spans" onRetry={() => load.run()} />;
  if (!load.data.value) return null;
  const [x, y] = load.data.value;
  const changes = changedAttributes(
    [...x.resource.attributes, ...x.attributes],
    [...y.resource.attributes, ...y.attributes],
    kAlwaysOther,
  );
  return (
    <section class="compare-attributes" aria-label="Changed attributes">
      <h2>Changed attributes of the run</h2>
      {changes.length === 0 ? <p class="detail">None.</p> : <Changes changes={changes} />}
    </section>
  );
}

function Changes({ changes }: { changes: ReturnType<typeof changedAttributes> }) {
  return (
    <dl class="changes">
      {changes.map((change) => (
        <div key={change.key}>
          <dt class="mono">
            <Text text={change.key} max={80} />
          </dt>
          <dd>
            <span class="minus">
              {change.a === null ? <span class="detail">not there</span> : <Value text={change.a} />}
            </span>
            <span class="plus">
              {change.b === null ? <span class="detail">not there</span> : <Value text={change.b} />}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface RowProps {
  a: Side;
  b: Side;
  row: CompareRow;
  scale: number;
  isSelected: boolean;
  onSelect: () => void;
}

const kVerdicts = ['', 'allowed', 'blocked', 'pending', 'other'];

function Row({ a, b, row, scale, isSelected, onSelect }: RowProps) {
  const side = row.a >= 0 ? a : b;
  const span = row.a >= 0 ? row.a : row.b;
  const { outline } = side;
  const both = row.a >= 0 && row.b >= 0;
  const label = [nodeOf(outline, span), agentOf(outline, span), roleOf(outline, span)]
    .filter((each, i, all) => each !== '' && all.indexOf(each) === i)
    .join(' · ');
  const delta = (of: (outline: Outline, span: number) => number, format: (value: number) => string): ComponentChild => {
    if (!both) return '';
    const [x, y] = [of(a.outline, row.a), of(b.outline, row.b)];
    if (Number.isNaN(x) && Number.isNaN(y)) return '';
    const change = (Number.isNaN(y) ? 0 : y) - (Number.isNaN(x) ? 0 : x);
    return change === 0 ? <span class="zero">=</span> : signed(change, format);
  };
  const bar = (each: Side, at: number, name: string) =>
    at >= 0 && (
      <span
        class={`compare-bar ${name} back-${each.outline.status[at] === Status.error || each.outline.verdict[at] === Verdict.blocked ? 'bad' : each.tone(at)}`}
        style={{
          left: `${(each.outline.start[at] / scale) * 100}%`,
          width: `${Math.max(0.15, (each.outline.duration[at] / scale) * 100)}%`,
        }}
      />
    );
  const said = (each: Side, at: number) => (at < 0 ? '' : kVerdicts[each.outline.verdict[at]]);
  const [x, y] = [said(a, row.a), said(b, row.b)];
  return (
    <tr class={`${isSelected ? 'selected' : ''}${both ? '' : row.a >= 0 ? ' only-a' : ' only-b'}`}>
      <th scope="row">
        <span class="compare-name" style={{ paddingLeft: `${Math.min(row.depth, 24) * 14}px` }}>
          <span class="compare-mark">{both ? '' : row.a >= 0 ? '−' : '+'}</span>
          <KindGlyph kind={outline.kind[span]} tone={side.tone(span)} />
          <button type="button" class="compare-open" aria-expanded={isSelected} onClick={onSelect}>
            <Text text={nameOf(outline, span) || '(no name)'} max={60} />
            {!both && <span class="unseen">{row.a >= 0 ? ' only in A' : ' only in B'}</span>}
          </button>
          <span class="detail">
            <Text text={label} max={50} />
          </span>
        </span>
      </th>
      <td class="compare-bars" aria-hidden="true">
        {bar(a, row.a, 'first')}
        {bar(b, row.b, 'second')}
      </td>
      <td class="number">{row.a >= 0 ? duration(a.outline.duration[row.a]) : '–'}</td>
      <td class="number">{row.b >= 0 ? duration(b.outline.duration[row.b]) : '–'}</td>
      <td class="number">{delta((each, at) => each.duration[at], duration)}</td>
      <td class="number">{delta((each, at) => each.cost[at], money)}</td>
      <td class="number">{delta((each, at) => each.tokens[at], count)}</td>
      <td class={x !== y || x === 'blocked' ? 'number bad' : 'number'}>
        {both && x !== y ? `${x || '–'} → ${y || '–'}` : x || y ? `${(x || y) === 'blocked' ? '⊘ ' : ''}${x || y}` : ''}
      </td>
    </tr>
  );
}

// All attributes of a row that differ, what was said included where it was captured.
function SpanChanges({ a, b, row }: { a: Side; b: Side; row: CompareRow }) {
  const load = useLoad(row.key, (signal) =>
    Promise.all([
      row.a < 0 ? null : api.span(a.outline.traceId, a.outline.spanId(row.a), signal),
      row.b < 0 ? null : api.span(b.outline.traceId, b.outline.spanId(row.b), signal),
    ]),
  );
  if (load.error.value) return <Failure error={load.error.value} what="the spans" onRetry={() => load.run()} />;
  if (!load.data.value) return <Skeleton rows={6} />;
  const [x, y] = load.data.value;
  const changes = changedAttributes(x?.attributes ?? [], y?.attributes ?? [], /^meshflow\.(run_id|trace_id)$/);
  return (
    <>
      <p class="compare-links">
        {row.a >= 0 && <a href={href(`/trace/${a.outline.traceId}?span=${a.outline.spanId(row.a)}`)}>the span in A</a>}
        {row.b >= 0 && <a href={href(`/trace/${b.outline.traceId}?span=${b.outline.spanId(row.b)}`)}>the span in B</a>}
      </p>
      {(row.a < 0 || row.b < 0) && <Partial>only {row.a < 0 ? 'B' : 'A'} has it</Partial>}
      {changes.length === 0 ? <p class="detail">All attributes agree.</p> : <Changes changes={changes} />}
    </>
  );
}

function saveRows(a: Side, b: Side, rows: readonly CompareRow[]) {
  const head = [
    'name',
    'node',
    'depth',
    'span_a',
    'span_b',
    'duration_ns_a',
    'duration_ns_b',
    'cost_nano_usd_a',
    'cost_nano_usd_b',
  ];
  const number = (value: number) => (Number.isNaN(value) ? '' : value);
  const lines = rows.map((row) => {
    const [side, span] = row.a >= 0 ? [a, row.a] : [b, row.b];
    return [
      nameOf(side.outline, span),
      nodeOf(side.outline, span),
      row.depth,
      row.a < 0 ? '' : a.outline.spanId(row.a),
      row.b < 0 ? '' : b.outline.spanId(row.b),
      row.a < 0 ? '' : a.outline.duration[row.a],
      row.b < 0 ? '' : b.outline.duration[row.b],
      row.a < 0 ? '' : number(a.outline.cost[row.a]),
      row.b < 0 ? '' : number(b.outline.cost[row.b]),
    ];
  });
  saveFile('compare.csv', 'text/csv', [head, ...lines].map((line) => line.map(csvCell).join(',')).join('\r\n'));
}
