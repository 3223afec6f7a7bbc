// Query: anything else, in TraceQL.
import { useMemo } from 'preact/hooks';
import { useLoad } from '@/api/load';
import { type MetricsAnswer, queryInstant, queryRange, type SearchAnswer, search } from '@/api/metrics';
import { query, setQuery } from '@/app/location';
import { customPeriod, rangeOf, readPeriod, stepOf, writePeriod } from '@/model/period';
import { alignSeries } from '@/model/series';
import { kindOfQuery } from '@/model/traceql_kind';
import { Boundary } from '@/ui/boundary';
import type { Curves } from '@/ui/chart/curves';
import { PeriodPicker } from '@/ui/period_picker';
import { Loaded } from '@/ui/states';
import '@/styles/panels.css';
import '@/styles/query.css';
import { problemOf, useAsking } from './asking';
import { type Example, Examples, QueryForm } from './form';
import { Kept } from './kept';
import { CurvesResult, InstantResult, SearchResult } from './results';

const kTracesMax = 200;
const kSpansMax = 20;
const kPoints = 120;

type Answer =
  | { readonly kind: 'traces'; readonly found: SearchAnswer }
  | { readonly kind: 'range'; readonly curves: Curves }
  | { readonly kind: 'instant'; readonly answer: MetricsAnswer };

const kExamples: readonly Example[] = [
  ['blocked spans', '{ span.meshflow.verdict = "blocked" } | select(span.meshflow.role, span.meshflow.rule_id)'],
  ['runs over a cent', '{ name = "meshflow.run" && span.meshflow.cost_usd > 0.01 } | select(span.meshflow.cost_usd)'],
  ['p95 of each role', '{ name = "meshflow.agent" } | quantile_over_time(duration, .95) by (span.meshflow.role)'],
  ['cost of each workflow', '{ name = "meshflow.run" } | sum(span.meshflow.cost_usd) by (span.meshflow.workflow.name)'],
  ['errors below an agent', '{ name = "meshflow.agent" } >> { status = error }'],
];

export default function QueryScreen() {
  const asking = useAsking('traceql', 'Query');
  const { asked, view, run } = asking;
  const period = readPeriod(query.value);
  const key = asked === '' ? '' : `${asking.again} ${asked} ${period.lookback} ${period.start} ${period.end}`;
  const range = useMemo(() => rangeOf(period), [key, period.lookback]);
  const result = useLoad<Answer | null>(key, (signal) => ask(asked, range, signal));
  const error = result.error.value;
  const problem = useMemo(() => problemOf(asked, error, () => 1), [error]);
  const setPeriod = (next: typeof period) => setQuery(writePeriod(next, query.peek()));

  return (
    <div class="query">
      <h1 class="unseen">Query</h1>
      <div class="query-main">
        <QueryForm
          asking={asking}
          language="traceql"
          name="Query"
          label="TraceQL"
          placeholder={'{ span.meshflow.verdict = "blocked" }'}
          problem={problem}
        >
          <PeriodPicker period={period} onPeriod={setPeriod} />
          <span class="gap" />
          <span class="detail">Tab leaves the field, Ctrl Space completes</span>
        </QueryForm>
        <Boundary what="the answer">
          {asked === '' ? (
            <Examples of={kExamples} onChoose={run} />
          ) : (
            <Loaded load={result} what="the query">
              {(answer) =>
                answer === null ? null : answer.kind === 'traces' ? (
                  <SearchResult
                    answer={answer.found}
                    limit={kTracesMax}
                    range={range}
                    view={view}
                    onView={asking.setView}
                    onAll={() => setPeriod({ lookback: '30d', start: '', end: '' })}
                  />
                ) : answer.kind === 'range' ? (
                  <CurvesResult
                    q={asked}
                    curves={answer.curves}
                    range={range}
                    view={view}
                    onView={asking.setView}
                    onBrush={(part) => setPeriod(customPeriod(part))}
                  />
                ) : (
                  <InstantResult q={asked} series={answer.answer.series ?? []} partial={answer.answer.message} />
                )
              }
            </Loaded>
          )}
        </Boundary>
      </div>
      <aside class="query-side">
        <Kept language="traceql" onChoose={run} />
      </aside>
    </div>
  );
}

async function ask(q: string, range: { from: number; to: number }, signal: AbortSignal): Promise<Answer | null> {
  if (q.trim() === '') return null;
  const kind = kindOfQuery(q);
  if (kind === 'traces')
    return { kind, found: await search(q, { ...range, limit: kTracesMax, spans: kSpansMax }, signal) };
  if (kind === 'instant') return { kind, answer: await queryInstant(q, range, signal) };
  const answer = await queryRange(q, { ...range, step: stepOf(range, kPoints) }, signal);
  return {
    kind,
    curves: { ...alignSeries(answer.series ?? []), partial: answer.status === 'PARTIAL' ? answer.message : undefined },
  };
}
