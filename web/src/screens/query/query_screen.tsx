// Query: anything else, in TraceQL.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { useLoad } from '@/api/load';
import { type MetricsAnswer, queryInstant, queryRange, type SearchAnswer, search } from '@/api/metrics';
import { useKeys } from '@/app/keys';
import { query, setQuery } from '@/app/location';
import { spanAt } from '@/model/code_points';
import { customPeriod, rangeOf, readPeriod, stepOf, writePeriod } from '@/model/period';
import { alignSeries } from '@/model/series';
import { kindOfQuery } from '@/model/traceql_kind';
import { Boundary } from '@/ui/boundary';
import type { Curves } from '@/ui/chart/curves';
import { PeriodPicker } from '@/ui/period_picker';
import { Loaded } from '@/ui/states';
import '@/styles/panels.css';
import '@/styles/query.css';
import { Editor } from './editor/editor';
import { remember } from './history';
import { Kept } from './kept';
import { CurvesResult, InstantResult, type ResultView, SearchResult } from './results';

const kTracesMax = 200;
const kSpansMax = 20;
const kPoints = 120;

type Answer =
  | { readonly kind: 'traces'; readonly found: SearchAnswer }
  | { readonly kind: 'range'; readonly curves: Curves }
  | { readonly kind: 'instant'; readonly answer: MetricsAnswer };

const kExamples: readonly (readonly [string, string])[] = [
  ['blocked spans', '{ span.meshflow.verdict = "blocked" } | select(span.meshflow.role, span.meshflow.rule_id)'],
  ['runs over a cent', '{ name = "meshflow.run" && span.meshflow.cost_usd > 0.01 } | select(span.meshflow.cost_usd)'],
  ['p95 of each role', '{ name = "meshflow.agent" } | quantile_over_time(duration, .95) by (span.meshflow.role)'],
  ['cost of each workflow', '{ name = "meshflow.run" } | sum(span.meshflow.cost_usd) by (span.meshflow.workflow.name)'],
  ['errors below an agent', '{ name = "meshflow.agent" } >> { status = error }'],
];

export default function QueryScreen() {
  const asked = query.value.get('q') ?? '';
  const view = (query.value.get('view') ?? '') as ResultView;
  const period = readPeriod(query.value);
  const text = useSignal(asked);
  const again = useSignal(0);
  useEffect(() => {
    text.value = asked;
  }, [asked]);
  const key = asked === '' ? '' : `${again.value} ${asked} ${period.lookback} ${period.start} ${period.end}`;
  const range = useMemo(() => rangeOf(period), [key, period.lookback]);
  const result = useLoad<Answer | null>(key, (signal) => ask(asked, range, signal));
  const error = result.error.value;
  const problem = useMemo(() => {
    if (!error || error.line === null || asked.trim() === '') return null;
    const place = spanAt(asked, error.line, error.column ?? 1, error.length ?? 1);
    return { text: asked, ...place, message: [error.message, error.hint].filter((each) => each).join('. ') };
  }, [error]);

  const change = (name: string, value: string) => {
    const next = new URLSearchParams(query.peek());
    if (value === '') next.delete(name);
    else next.set(name, value);
    setQuery(next);
  };
  const run = (q: string) => {
    text.value = q;
    remember('traceql', q);
    if (q === (query.peek().get('q') ?? '')) again.value += 1;
    else {
      const next = new URLSearchParams(query.peek());
      next.set('q', q);
      next.delete('view');
      setQuery(next);
    }
  };
  useKeys(() => [{ keys: 'Ctrl+Enter', does: 'run the query', group: 'Query', run: () => run(text.peek()) }], []);
  const setPeriod = (next: typeof period) => setQuery(writePeriod(next, query.peek()));

  return (
    <div class="query">
      <h1 class="unseen">Query</h1>
      <div class="query-main">
        <form
          class="query-form"
          aria-label="Query"
          onSubmit={(event) => {
            event.preventDefault();
            run(text.peek());
          }}
        >
          <Boundary what="the editor">
            <Editor
              language="traceql"
              label="TraceQL"
              placeholder={'{ span.meshflow.verdict = "blocked" }'}
              text={text}
              problem={problem}
              onRun={() => run(text.peek())}
            />
          </Boundary>
          <div class="query-tools">
            <button type="submit" class="primary" disabled={text.value.trim() === ''}>
              Run
            </button>
            <kbd>Ctrl ⏎</kbd>
            <PeriodPicker period={period} onPeriod={setPeriod} />
            <span class="gap" />
            <span class="detail">Tab leaves the field, Ctrl Space completes</span>
          </div>
        </form>
        <Boundary what="the answer">
          {asked === '' ? (
            <section class="examples" aria-label="Examples">
              <h2>For example</h2>
              <ul>
                {kExamples.map(([name, q]) => (
                  <li key={name}>
                    <button type="button" class="kept" onClick={() => run(q)}>
                      {name} <code>{q}</code>
                    </button>
                  </li>
                ))}
              </ul>
            </section>
          ) : (
            <Loaded load={result} what="the query">
              {(answer) =>
                answer === null ? null : answer.kind === 'traces' ? (
                  <SearchResult
                    answer={answer.found}
                    limit={kTracesMax}
                    range={range}
                    view={view}
                    onView={(next) => change('view', next)}
                    onAll={() => setPeriod({ lookback: '30d', start: '', end: '' })}
                  />
                ) : answer.kind === 'range' ? (
                  <CurvesResult
                    q={asked}
                    curves={answer.curves}
                    range={range}
                    view={view}
                    onView={(next) => change('view', next)}
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
