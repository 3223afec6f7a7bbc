// The form of Search. Labels and button are named as in Jaeger's UI, because the lesson names them so.
import { useEffect, useRef, useState } from 'preact/hooks';
import { withQuery } from '@/api/client';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import type { RunsAnswer } from '@/api/types';
import { isScreen } from '@/app/has_screen';
import { go as goTo, href } from '@/app/location';
import { readId } from '@/model/ids';
import { parseTags } from '@/model/logfmt';
import { kLimitMax, kLookbacks, type SearchState } from '@/model/search_url';
import { Copy } from '@/ui/copy';
import { OpenFile } from './open_file';
import { problemsOf, rangeOf } from './question';

interface Props {
  state: SearchState;
  services: readonly string[];
  answer: RunsAnswer | null;
  onFind: (state: SearchState) => void;
}

export function SearchForm({ state, services, answer, onFind }: Props) {
  const [draft, setDraft] = useState(state);
  const [several, setSeveral] = useState<readonly { trace_id: string; root: string | null }[]>([]);
  const before = useRef(state);
  useEffect(() => {
    // What is being typed stays, where the address changes in another respect.
    const changed = Object.entries(state).filter(
      ([name, value]) => before.current[name as keyof SearchState] !== value,
    );
    before.current = state;
    if (changed.length > 0) setDraft((typed) => ({ ...typed, ...Object.fromEntries(changed) }));
  }, [state]);
  const set = (change: Partial<SearchState>) => setDraft({ ...draft, ...change });
  const operations = useLoad(draft.service, (signal) =>
    draft.service === '' ? Promise.resolve([]) : api.operations(draft.service, signal),
  );
  const problems = problemsOf(draft);
  const knownServices =
    draft.service !== '' && !services.includes(draft.service) ? [draft.service, ...services] : services;

  const onSubmit = async (event: Event) => {
    event.preventDefault();
    if (Object.keys(problems).length > 0) return;
    setSeveral([]);
    // An id where tags are wanted leads to what it names.
    const id = readId(draft.tags);
    if (id.kind !== 'none' && (id.kind !== 'trace' || draft.tags.trim().length >= 8)) {
      const matches = await api.resolve(draft.tags.trim()).catch(() => []);
      if (matches.length === 1)
        return goTo(`/trace/${matches[0].trace_id}${matches[0].span_id ? `?span=${matches[0].span_id}` : ''}`);
      if (matches.length > 1) return setSeveral(matches);
    }
    onFind({ ...draft, traceIds: [] });
  };

  return (
    <form class="search-form" aria-label="Search" onSubmit={onSubmit} noValidate>
      <Field label="Service">
        <select
          data-first-field
          value={draft.service}
          onChange={(event) => set({ service: event.currentTarget.value, operation: '' })}
        >
          <option value="">all services</option>
          {knownServices.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Operation">
        <select value={draft.operation} onChange={(event) => set({ operation: event.currentTarget.value })}>
          <option value="">all</option>
          {[...new Set([...(operations.data.value ?? []), ...(draft.operation ? [draft.operation] : [])])].map(
            (name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ),
          )}
        </select>
      </Field>
      <Field label="Tags" problem={problems.tags} hint="run_id=run_…, verdict=blocked, cost_usd > 0.01, or an id">
        <input
          value={draft.tags}
          onInput={(event) => set({ tags: event.currentTarget.value })}
          spellcheck={false}
          autocomplete="off"
          class="mono"
        />
      </Field>
      {several.length > 0 && (
        <ul class="several" aria-label="Several traces fit">
          {several.map((each) => (
            <li key={each.trace_id}>
              <a href={href(`/trace/${each.trace_id}`)}>
                <code>{each.trace_id}</code> {each.root}
              </a>
            </li>
          ))}
        </ul>
      )}
      <Field label="Lookback">
        <select value={draft.lookback} onChange={(event) => set(lookbackChange(draft, event.currentTarget.value))}>
          {[...new Set([...kLookbacks, draft.lookback])].map((each) => (
            <option key={each} value={each}>
              {each === 'custom' ? 'custom' : `last ${each}`}
            </option>
          ))}
        </select>
      </Field>
      {draft.lookback === 'custom' && (
        <>
          <Moment label="From" micros={draft.start} onChange={(start) => set({ start })} />
          <Moment label="To" micros={draft.end} onChange={(end) => set({ end })} />
        </>
      )}
      <div class="pair">
        <Field label="Max Duration" problem={problems.maxDuration}>
          <input
            value={draft.maxDuration}
            placeholder="1.2s"
            onInput={(event) => set({ maxDuration: event.currentTarget.value })}
            class="mono"
          />
        </Field>
        <Field label="Min Duration" problem={problems.minDuration}>
          <input
            value={draft.minDuration}
            placeholder="100ms"
            onInput={(event) => set({ minDuration: event.currentTarget.value })}
            class="mono"
          />
        </Field>
      </div>
      <Field label="Limit Results">
        <input
          type="number"
          min={1}
          max={kLimitMax}
          value={draft.limit}
          onInput={(event) => set({ limit: Math.max(1, Math.min(kLimitMax, event.currentTarget.valueAsNumber || 20)) })}
        />
      </Field>
      <button type="submit" class="primary" disabled={Object.keys(problems).length > 0}>
        Find Traces
      </button>
      {answer && <SameQuestion state={state} answer={answer} />}
      <OpenFile />
    </form>
  );
}

// `custom` begins with the range that was shown.
function lookbackChange(draft: SearchState, lookback: string): Partial<SearchState> {
  if (lookback !== 'custom') return { lookback, start: '', end: '' };
  const { start } = rangeOf(draft);
  return { lookback, start: start.slice(0, -3), end: `${Date.now()}000` };
}

interface FieldProps {
  label: string;
  hint?: string;
  problem?: string;
  children: preact.ComponentChild;
}

function Field({ label, hint, problem, children }: FieldProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label class="field">
      <span class="field-label">{label}</span>
      {children}
      {problem ? (
        <span class="field-problem" role="alert">
          ⚠ {problem}
        </span>
      ) : (
        hint && <span class="field-hint">{hint}</span>
      )}
    </label>
  );
}

// A moment in the local zone, to the second.
function Moment({ label, micros, onChange }: { label: string; micros: string; onChange: (micros: string) => void }) {
  const time = micros === '' ? null : new Date(Number(micros) / 1000);
  const local = time ? new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19) : '';
  return (
    <Field label={label}>
      <input
        type="datetime-local"
        step={1}
        value={local}
        onChange={(event) => {
          const chosen = new Date(event.currentTarget.value).getTime();
          onChange(Number.isNaN(chosen) ? '' : `${chosen}000`);
        }}
      />
    </Field>
  );
}

// The same question in the other languages, each one click away from where it can be changed.
function SameQuestion({ state, answer }: { state: SearchState; answer: RunsAnswer }) {
  let tags = answer.tags ?? null;
  if (tags === null) {
    try {
      tags = state.tags.trim() === '' ? '{}' : JSON.stringify(parseTags(state.tags));
    } catch {
      tags = null;
    }
  }
  const { start, end } = rangeOf(state);
  const jaeger = withQuery('api/traces', {
    service: state.service,
    operation: state.operation,
    tags: tags === '{}' ? '' : tags,
    start: start.slice(0, -3),
    end: end.slice(0, -3),
    minDuration: state.minDuration,
    maxDuration: state.maxDuration,
    limit: state.limit,
  });
  return (
    <section class="same-question" aria-label="The same question elsewhere">
      <p>
        <span class="field-label">TraceQL</span>{' '}
        {isScreen('/query') ? (
          <a href={href(withQuery('/query', { q: answer.query }))}>open in Query</a>
        ) : (
          <Copy label="Copy the TraceQL" text={() => answer.query}>
            copy
          </Copy>
        )}
        <code>{answer.query}</code>
      </p>
      {tags !== null && (
        <p>
          <span class="field-label">Jaeger JSON</span>{' '}
          <a href={href(`/${jaeger}`)} data-native>
            answer
          </a>
          <code>{tags}</code>
        </p>
      )}
    </section>
  );
}
