// Ledger: does the trace agree with the ledger, and is the chain unbroken?
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { shortId } from '@/model/ids';
import { carbon, count, money } from '@/model/units';
import { Copy } from '@/ui/copy';
import { Empty, Loaded } from '@/ui/states';
import { Text } from '@/ui/text';
import { Time } from '@/ui/time';
import '@/styles/panels.css';
import '@/styles/ledger.css';
import type { TraceModel } from '../model';

type Answer = Awaited<ReturnType<typeof api.ledger>>;

export default function LedgerView({ model }: { model: TraceModel }) {
  const runId = model.outline.run?.run_id ?? '';
  const load = useLoad(runId, (signal) => (runId === '' ? new Promise<never>(() => {}) : api.ledger(runId, signal)));
  if (runId === '') {
    return (
      <Empty title="This trace is no run of MeshFlow">
        <p>A ledger is kept of runs only.</p>
      </Empty>
    );
  }
  if (load.error.value?.status === 501) {
    return (
      <Empty title="No ledger is connected">
        <p>
          This server runs without the runtime’s data. <code>meshflow ledger verify {runId}</code> says the same where
          the run was made.
        </p>
      </Empty>
    );
  }
  return (
    <Loaded load={load} what="the ledger">
      {(answer) => (answer.state === 'none' ? <NoLedger runId={runId} /> : <Entries answer={answer} model={model} />)}
    </Loaded>
  );
}

function NoLedger({ runId }: { runId: string }) {
  return (
    <Empty title="There is no ledger of this run here">
      <p>
        It may lie in another data directory: <code>meshflow ledger verify {runId}</code>, there, checks it.
      </p>
    </Empty>
  );
}

function Entries({ answer, model }: { answer: Answer; model: TraceModel }) {
  const { outline } = model;
  const bad = answer.first_bad;
  return (
    <div class="ledger">
      <div class="screen-bar">
        {answer.state === 'ok' ? (
          <h2 class="total">
            <span aria-hidden="true">✓</span> {count(answer.entries.length)} entries, the chain is unbroken{' '}
            <span class="detail">
              {answer.root_head === null
                ? 'the trace has no root span yet that would name the head'
                : 'and its head is the one that the trace names'}
            </span>
          </h2>
        ) : (
          <h2 class="total bad">
            <span aria-hidden="true">✗</span> {bad ? `entry ${bad.seq}: ${bad.reason}` : 'the ledger does not hold'}
          </h2>
        )}
        <span class="gap" />
        <span class="mono detail">head {shortId(answer.head ?? '–')}</span>
        {answer.head && <Copy label="Copy the head" text={() => answer.head ?? ''} />}
      </div>
      <div class="table-scroll">
        <table class="ledger-table">
          <caption class="unseen">Entries of the ledger</caption>
          <thead>
            <tr>
              {['Seq', 'Time', 'Kind', 'Node', 'Verdict', 'Reason'].map((name) => (
                <th scope="col" key={name} class={name === 'Seq' ? 'number' : ''}>
                  {name}
                </th>
              ))}
              {['Cost', 'Tokens', 'Carbon'].map((name) => (
                <th scope="col" class="number" key={name}>
                  {name}
                </th>
              ))}
              <th scope="col">Span</th>
              <th scope="col">Hash</th>
            </tr>
          </thead>
          <tbody>
            {answer.entries.map((entry) => {
              const span = entry.span_id ? outline.indexOf(entry.span_id) : -1;
              const isBad = bad !== null && bad !== undefined && entry.seq >= bad.seq;
              const tokens = entry.tokens ? (entry.tokens.input ?? 0) + (entry.tokens.output ?? 0) : null;
              return (
                <tr
                  key={entry.seq}
                  class={isBad ? 'bad-entry' : ''}
                  aria-current={span >= 0 && span === model.selected.value ? 'true' : undefined}
                >
                  <td class="number">
                    {isBad && <span class="bad">✗ </span>}
                    {entry.seq}
                  </td>
                  <td>
                    <Time nanos={entry.time_ns} />
                  </td>
                  <td>
                    <Text text={entry.kind} max={40} />
                  </td>
                  <td>
                    <Text text={entry.node_id || '–'} max={40} />
                  </td>
                  <td class={entry.verdict === 'blocked' ? 'bad' : ''}>
                    {entry.verdict === 'blocked' && <span aria-hidden="true">⊘ </span>}
                    <Text text={entry.verdict || '–'} max={24} />
                  </td>
                  <td class="reason">
                    <Text text={entry.reason || '–'} max={120} />
                  </td>
                  <td class="number">
                    {Number(entry.cost_nano_usd) === 0 ? <span class="zero">–</span> : money(entry.cost_nano_usd)}
                  </td>
                  <td class="number">{tokens ? count(tokens) : <span class="zero">–</span>}</td>
                  <td class="number">
                    {Number(entry.carbon_nanograms) === 0 ? (
                      <span class="zero">–</span>
                    ) : (
                      carbon(Number(entry.carbon_nanograms) / 1e9)
                    )}
                  </td>
                  <td class="mono">
                    {span >= 0 ? (
                      <button
                        type="button"
                        class="link"
                        onClick={() => model.change({ view: 'waterfall', span: outline.spanId(span) })}
                      >
                        {entry.span_id}
                      </button>
                    ) : (
                      (entry.span_id ?? '–')
                    )}
                  </td>
                  <td class="mono detail" title={entry.entry_hash}>
                    {shortId(entry.entry_hash)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}
