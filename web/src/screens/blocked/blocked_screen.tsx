// Blocked: what was blocked, by which rule, and what came next?
import { useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import { useLoad } from '@/api/load';
import { search } from '@/api/metrics';
import { report as askReport } from '@/api/report';
import { isScreen } from '@/app/has_screen';
import { href, query, setParameters, setQuery } from '@/app/location';
import { type Block, blocksOf, countBy, filterBlocks, kBlocksQuery } from '@/model/blocks';
import { customPeriod, fitted, nanosOf, type Range, rangeOf, readPeriod, writePeriod } from '@/model/period';
import { sumBy } from '@/model/series';
import { count } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { CurveChart, useCurves } from '@/ui/chart/curves';
import { kDashCount } from '@/ui/chart/shapes';
import { PeriodPicker } from '@/ui/period_picker';
import { ReadAgain } from '@/ui/read_again';
import { useRowKeys } from '@/ui/row_keys';
import { Empty, Loaded, Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import { Time } from '@/ui/time';
import '@/styles/panels.css';
import '@/styles/blocked.css';

const kTracesMax = 500;
const kSpansMax = 100;
const kTrend = '{ span.meshflow.verdict = "blocked" } | count_over_time() by (span.meshflow.rule_id)';

interface Found {
  readonly blocks: readonly Block[];
  readonly partial: string;
}

export default function BlockedScreen() {
  const again = useSignal(0);
  const isTable = useSignal(false);
  const period = readPeriod(query.value);
  const rule = query.value.get('rule');
  const role = query.value.get('role');
  const key = `${again.value} ${period.lookback} ${period.start} ${period.end}`;
  const range = useMemo(() => rangeOf(period), [key]);
  const found = useLoad<Found>(key, async (signal) => {
    const answer = await search(kBlocksQuery, { ...range, limit: kTracesMax, spans: kSpansMax }, signal);
    const traces = answer.traces ?? [];
    const partial =
      answer.status === 'PARTIAL'
        ? (answer.message ?? 'the answer was cut')
        : traces.length >= kTracesMax
          ? `the newest ${count(kTracesMax)} traces with blocked spans`
          : '';
    return { blocks: blocksOf(traces), partial };
  });
  const agents = useLoad(key, async (signal) => {
    const figures = await askReport(nanosOf(range.from), nanosOf(range.to), '', signal);
    return figures.latency_by_role.reduce((sum, row) => sum + row.now.spans, 0);
  });
  const shownRange = useMemo(() => {
    const starts = (found.data.value?.blocks ?? []).map((block) => Number(block.startNs / 1_000_000n));
    return starts.length === 0 ? null : fitted(range, { from: Math.min(...starts), to: Math.max(...starts) });
  }, [found.data.value]);
  const trend = useCurves(kTrend, shownRange);
  const differ = `/differ?${new URLSearchParams({
    sel: '{ span.meshflow.verdict = "blocked" }',
    start: String(Math.floor(range.from) * 1000),
    end: String(Math.ceil(range.to) * 1000),
  })}`;
  const list = useRef<HTMLDivElement>(null);
  useRowKeys(list, 'Blocked', 'blocked span');

  return (
    <div class="blocked">
      <h1 class="unseen">Blocked</h1>
      <div class="screen-bar">
        <PeriodPicker period={period} onPeriod={(next) => setQuery(writePeriod(next, query.peek()))} />
        <span class="gap" />
        {isScreen('/query') && (
          <a href={href(`/query?${new URLSearchParams({ q: kBlocksQuery })}`)} class="quiet">
            TraceQL
          </a>
        )}
        {isScreen('/differ') && (
          <a href={href(differ)} class="quiet">
            What differs
          </a>
        )}
        <ReadAgain again={again} />
      </div>
      <Boundary what="what was blocked">
        <Loaded load={found} what="what was blocked">
          {({ blocks, partial }) => {
            if (blocks.length === 0)
              return (
                <Good
                  agents={agents.data.value}
                  onWiden={
                    period.lookback === '30d'
                      ? null
                      : () => setQuery(writePeriod({ lookback: '30d', start: '', end: '' }, query.peek()))
                  }
                />
              );
            const shown = filterBlocks(blocks, { rule, role });
            const rules = countBy(blocks, 'rule').map((each) => each.name);
            return (
              <>
                <div class="blocked-head">
                  <div class="blocked-chips">
                    <p>
                      <strong>{blocks.length === 1 ? '1 block' : `${count(blocks.length)} blocks`}</strong>{' '}
                      {agents.data.value !== null && (
                        <span class="detail">among {count(agents.data.value)} agent spans</span>
                      )}
                    </p>
                    {partial !== '' && <Partial>{partial}</Partial>}
                    <Chips
                      label="Rule"
                      chosen={rule}
                      groups={countBy(filterBlocks(blocks, { rule: null, role }), 'rule')}
                      onChoose={(name) => setParameters({ rule: name })}
                    />
                    <Chips
                      label="Role"
                      chosen={role}
                      groups={countBy(filterBlocks(blocks, { rule, role: null }), 'role')}
                      onChoose={(name) => setParameters({ role: name })}
                    />
                  </div>
                  <section class="blocked-trend" aria-label="Blocks over time">
                    <CurveChart
                      load={trend}
                      what="Blocks by rule"
                      range={shownRange ?? range}
                      kind="bars"
                      whole
                      lines={(data) =>
                        sumBy(data, 'span.meshflow.rule_id')
                          .lines.filter((line) => rule === null || line.labels['span.meshflow.rule_id'] === rule)
                          .map((line) => {
                            const name = line.labels['span.meshflow.rule_id'];
                            return {
                              name: name || '(none)',
                              tone: 'bad',
                              dash: Math.max(0, rules.indexOf(name)) % kDashCount,
                              values: line.values,
                            };
                          })
                      }
                      format={(value) => count(Math.round(value))}
                      isTable={isTable.value}
                      onBrush={(part: Range) => setQuery(writePeriod(customPeriod(part), query.peek()))}
                      height={104}
                    />
                    <button
                      type="button"
                      class="link"
                      onClick={() => {
                        isTable.value = !isTable.value;
                      }}
                    >
                      {isTable.value ? 'as a chart' : 'as a table'}
                    </button>
                  </section>
                </div>
                {shown.length === 0 ? (
                  <Empty title="No block has both this rule and this role">
                    <p>
                      Without the role there are {count(filterBlocks(blocks, { rule, role: null }).length)}.{' '}
                      <button type="button" onClick={() => setParameters({ role: null })}>
                        All roles
                      </button>
                    </p>
                  </Empty>
                ) : (
                  <div ref={list}>
                    {countBy(shown, 'rule').map((group) => (
                      <RuleBlocks key={group.name} rule={group.name} blocks={group.blocks} />
                    ))}
                  </div>
                )}
              </>
            );
          }}
        </Loaded>
      </Boundary>
    </div>
  );
}

function Good({ agents, onWiden }: { agents: number | null; onWiden: (() => void) | null }) {
  return (
    <Empty title={agents === null ? 'Nothing was blocked' : `0 blocks among ${count(agents)} agent spans`}>
      <p>
        {agents === 0
          ? 'No agent ran within this time.'
          : 'No gate stopped an agent within this time: good news, as far as the rules go.'}
      </p>
      {onWiden && (
        <p>
          <button type="button" class="primary" onClick={onWiden}>
            Look at the last 30 days
          </button>
        </p>
      )}
    </Empty>
  );
}

interface ChipsProps {
  label: string;
  chosen: string | null;
  groups: readonly { name: string; blocks: readonly Block[] }[];
  onChoose: (name: string | null) => void;
}

function Chips({ label, chosen, groups, onChoose }: ChipsProps) {
  const all = [...groups];
  if (chosen !== null && !all.some((group) => group.name === chosen)) all.push({ name: chosen, blocks: [] });
  return (
    <div class="chips" role="group" aria-label={label}>
      <span class="detail">{label}</span>
      {all.map((group) => (
        <button
          type="button"
          class="chip"
          key={group.name}
          aria-pressed={group.name === chosen}
          onClick={() => onChoose(group.name === chosen ? null : group.name)}
        >
          <Text text={group.name || '(none)'} max={48} /> <span class="detail">{count(group.blocks.length)}</span>
        </button>
      ))}
    </div>
  );
}

function RuleBlocks({ rule, blocks }: { rule: string; blocks: readonly Block[] }) {
  const runs = new Set(blocks.map((block) => block.traceId)).size;
  return (
    <section class="rule-blocks" aria-label={`Blocked by ${rule || 'no rule'}`}>
      <h2>
        <span class="bad" aria-hidden="true">
          ⊘
        </span>{' '}
        <Text text={rule || '(no rule)'} max={80} />{' '}
        <span class="detail">
          {count(blocks.length)} in {runs === 1 ? '1 run' : `${count(runs)} runs`}
        </span>
      </h2>
      <div class="table-scroll">
        <table class="blocks-table">
          <caption class="unseen">Spans blocked by {rule || 'no rule'}, the newest first</caption>
          <thead>
            <tr>
              {['Time', 'Run', 'Node', 'Role', 'Gate', 'Reason', 'Value / threshold', 'Followed by'].map((each) => (
                <th scope="col" key={each}>
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {blocks.map((block) => (
              <Row block={block} key={`${block.traceId} ${block.spanId}`} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ block }: { block: Block }) {
  const trace = `/trace/${block.traceId}?span=${block.spanId}`;
  return (
    <tr data-row>
      <td>
        <a href={href(trace)}>
          <Time nanos={block.startNs} />
        </a>
      </td>
      <td class="mono">
        <Text text={block.runId || block.traceId.slice(0, 12)} max={28} />
      </td>
      <td>
        <Text text={block.node || '–'} max={40} />
      </td>
      <td>{block.role === '' ? '–' : <RoleMark role={block.role} />}</td>
      <td>
        <Text text={block.gate || '–'} max={40} />
      </td>
      <td class="reason">
        <Text text={block.reason || '–'} max={200} />
      </td>
      <td class="mono">
        <Threshold value={block.value} threshold={block.threshold} />
      </td>
      <td>
        <Followed by={block.followed} />
      </td>
    </tr>
  );
}

function RoleMark({ role }: { role: string }) {
  return (
    <span class="line-name">
      <span class={`role-dot tone-${role.toLowerCase()}`} aria-hidden="true">
        ●
      </span>
      <Text text={role} max={32} />
    </span>
  );
}

function Threshold({ value, threshold }: { value: string; threshold: string }) {
  if (value === '' && threshold === '') return <>–</>;
  return (
    <>
      <Text text={value || '–'} max={60} /> <span class="detail">/</span> <Text text={threshold || '–'} max={60} />
    </>
  );
}

function Followed({ by }: { by: string }) {
  if (by === 'stopped') return <span class="bad">⊘ the run stopped</span>;
  if (by === 'rejected') return <span class="bad">⊘ a person rejected it</span>;
  return (
    <>
      <span aria-hidden="true">→</span> <Text text={by} max={40} />
    </>
  );
}
