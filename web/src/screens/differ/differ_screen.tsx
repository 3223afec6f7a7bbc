// What differs: what do the blocked, slow or dear runs have in common that the rest lack?
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ApiError } from '@/api/client';
import { type DifferAnswer, type DifferAttribute, type DifferValue, differ } from '@/api/differ';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { href, query, setQuery } from '@/app/location';
import { type DifferState, dollars, readDiffer, withCondition, writeDiffer } from '@/model/differ_url';
import { nanosOf, rangeOf } from '@/model/period';
import { csvCell, plain } from '@/model/text';
import { count, duration, percent, threeDigits } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { PeriodPicker } from '@/ui/period_picker';
import { ReadAgain } from '@/ui/read_again';
import { saveFile } from '@/ui/save';
import { Empty, Failure, Loaded, Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import '@/styles/panels.css';
import '@/styles/differ.css';

const kFew = 10; // sets below say little
const kShare = 0.05;
const kRunsMax = 1500;

const kSimple = [
  ['blocked', '{ span.meshflow.verdict = "blocked" }', 'span'],
  ['errors', '{ status = error }', 'span'],
] as const;

export default function DifferScreen() {
  const state = readDiffer(query.value);
  const { lookback, start, end } = state.period;
  const again = useSignal(0);
  const key = `${again.value} ${lookback} ${start} ${end}`;
  const range = useMemo(() => rangeOf(state.period), [key]);
  const go = (change: Partial<DifferState>) => setQuery(writeDiffer({ ...state, ...change }, query.peek()));
  const asked = state.selection.trim() === '' ? '' : `${key} ${state.unit} ${state.selection}\n${state.baseline}`;
  const load = useLoad<DifferAnswer | null>(asked, (signal) =>
    asked === ''
      ? Promise.resolve(null)
      : differ(
          {
            selection: state.selection,
            baseline: state.baseline.trim() === '' ? undefined : state.baseline,
            start: nanosOf(range.from),
            end: nanosOf(range.to),
            unit: state.unit,
          },
          signal,
        ),
  );
  const failure = useSignal<ApiError | null>(null);
  // The slowest or dearest twentieth of the runs: those from the last of them on.
  const choose = async (of: 'duration_ns' | 'cost_nano_usd') => {
    try {
      const within = { start: nanosOf(range.from), end: nanosOf(range.to), q: '{ name = "meshflow.run" }' };
      const all = await api.runs({ ...within, limit: 1 });
      const wanted = Math.min(kRunsMax, Math.max(1, Math.ceil((all.total ?? kRunsMax) * kShare)));
      const { runs } = await api.runs({ ...within, sort: `-${of}`, limit: wanted });
      const last = runs[runs.length - 1];
      if (!last) throw new ApiError('no run began within this time', 404, 'not_found');
      const bound =
        of === 'duration_ns'
          ? `duration >= ${last.duration_ns}ns`
          : `span.meshflow.cost_usd >= ${dollars(last.cost_nano_usd ?? '0')}`;
      failure.value = null;
      go({ selection: `{ name = "meshflow.run" && ${bound} }`, baseline: '{ name = "meshflow.run" }', unit: 'run' });
    } catch (error) {
      failure.value = error instanceof ApiError ? error : new ApiError(String(error), -1);
    }
  };
  return (
    <div class="differ">
      <h1 class="unseen">What differs</h1>
      <div class="screen-bar">
        <PeriodPicker period={state.period} onPeriod={(period) => go({ period })} />
        <span role="group" aria-label="Compare" class="view-choice">
          <span class="detail">compare</span>
          {(['span', 'run'] as const).map((unit) => (
            <button
              type="button"
              class="link"
              key={unit}
              aria-pressed={state.unit === unit}
              onClick={() => go({ unit })}
            >
              {unit}s
            </button>
          ))}
        </span>
        <span class="gap" />
        {load.data.value && (
          <button type="button" class="link" onClick={() => saveAttributes(load.data.value!)}>
            CSV
          </button>
        )}
        <ReadAgain again={again} />
      </div>
      <div class="differ-sets">
        <QueryField
          label="Selection"
          value={state.selection}
          placeholder="any TraceQL"
          onSet={(selection) => go({ selection })}
        >
          {kSimple.map(([name, selection, unit]) => (
            <button
              type="button"
              class="chip"
              key={name}
              aria-pressed={state.selection === selection}
              onClick={() => go({ selection, unit, baseline: '' })}
            >
              {name}
            </button>
          ))}
          <button type="button" class="chip" onClick={() => choose('duration_ns')}>
            slowest 5 % of runs
          </button>
          <button type="button" class="chip" onClick={() => choose('cost_nano_usd')}>
            dearest 5 % of runs
          </button>
        </QueryField>
        <QueryField
          label="Against"
          value={state.baseline}
          placeholder="all else within this time"
          onSet={(baseline) => go({ baseline })}
        >
          {state.baseline !== '' && (
            <button type="button" class="chip" onClick={() => go({ baseline: '' })}>
              all else
            </button>
          )}
        </QueryField>
      </div>
      {failure.value && <Failure error={failure.value} what="the runs" />}
      <Boundary what="what differs">
        {asked === '' ? (
          <Empty title="Choose what stands out">
            <p>
              Runs that were blocked, failed, took long or cost much: their attributes are compared with those of the
              rest, and those that tell the two apart best come first.
            </p>
          </Empty>
        ) : (
          <Loaded load={load} what="the comparison">
            {(answer) => answer && <Answer answer={answer} state={state} onState={go} />}
          </Loaded>
        )}
      </Boundary>
    </div>
  );
}

interface FieldProps {
  label: string;
  value: string;
  placeholder: string;
  onSet: (value: string) => void;
  children: preact.ComponentChildren;
}

function QueryField({ label, value, placeholder, onSet, children }: FieldProps) {
  const draft = useSignal(value);
  useEffect(() => {
    draft.value = value;
  }, [value]);
  return (
    <form
      class="differ-field"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        onSet(draft.value.trim());
      }}
    >
      <label>
        <span class="field-label">{label}</span>
        <input
          class="mono"
          value={draft.value}
          placeholder={placeholder}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
          onChange={() => onSet(draft.value.trim())}
        />
      </label>
      <div class="chips">{children}</div>
    </form>
  );
}

interface AnswerProps {
  answer: DifferAnswer;
  state: DifferState;
  onState: (change: Partial<DifferState>) => void;
}

function Answer({ answer, state, onState }: AnswerProps) {
  const { selection_n, baseline_n } = answer;
  const unit = (n: number) => `${count(n)} ${state.unit}${n === 1 ? '' : 's'}`;
  if (selection_n === 0) {
    return (
      <Empty title={`0 ${state.unit}s are in the selection`}>
        <p>
          Within this time nothing fits <code>{plain(state.selection)}</code>; {unit(baseline_n)} are in the rest.
        </p>
        <p>
          <button
            type="button"
            class="primary"
            onClick={() => onState({ period: { lookback: '30d', start: '', end: '' } })}
          >
            Look at the last 30 days
          </button>
        </p>
      </Empty>
    );
  }
  return (
    <>
      <div class="screen-bar">
        <h2 class="total">
          {unit(selection_n)} <span class="detail">against</span> {unit(baseline_n)}
        </h2>
        {selection_n < kFew && (
          <span class="few">
            <span aria-hidden="true">◐</span> the selection is small: fewer than {kFew}
          </span>
        )}
        {baseline_n < kFew && (
          <span class="few">
            <span aria-hidden="true">◐</span> the rest is small: fewer than {kFew}
          </span>
        )}
        {answer.sampled && <Partial>the newest of them were looked at; there are more</Partial>}
        <span class="gap" />
        <a href={href(`/query?${new URLSearchParams({ q: state.selection })}`)} class="quiet">
          the selection in Query
        </a>
      </div>
      <p class="differ-key" aria-hidden="true">
        <span class="bar-selection" /> selection <span class="bar-rest" /> rest; in % of each
      </p>
      {answer.attributes.length === 0 ? (
        <Empty title="Nothing tells the two apart">
          <p>No attribute differs beyond what chance explains.</p>
        </Empty>
      ) : (
        <div class="differ-attributes">
          {answer.attributes.map((attribute) => (
            <AttributeOf
              key={`${attribute.scope} ${attribute.key}`}
              attribute={attribute}
              answer={answer}
              state={state}
              onState={onState}
            />
          ))}
        </div>
      )}
    </>
  );
}

const isTime = (key: string): boolean => /(^|[._ ])duration$/i.test(key);
const number = (key: string, value: number) =>
  isTime(key) ? duration(value) : Number.isInteger(value) ? count(value) : threeDigits(value);

export function valueText(key: string, value: DifferValue['value']): string {
  if (value === null) return '(not there)';
  if (typeof value === 'string') return value;
  return value.from === value.to ? number(key, value.from) : `${number(key, value.from)} – ${number(key, value.to)}`;
}

const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);

function AttributeOf({ attribute, answer, state, onState }: AnswerProps & { attribute: DifferAttribute }) {
  return (
    <section class="differ-attribute" aria-label={`${attribute.key}: score ${attribute.score.toFixed(2)}`}>
      <h3>
        <span class="mono">
          <Text text={attribute.key} max={80} />
        </span>{' '}
        <span class="detail">
          <Text text={attribute.scope} max={24} />
        </span>
        <span class="differ-score" title="How well it tells the two apart: 0 not at all, 1 wholly">
          {attribute.score.toFixed(2)}
        </span>
      </h3>
      <table class="differ-values">
        <caption class="unseen">Values of {attribute.key}</caption>
        <thead class="unseen">
          <tr>
            <th scope="col">Value</th>
            <th scope="col">Bars</th>
            <th scope="col">Selection</th>
            <th scope="col">Rest</th>
            <th scope="col">Narrow</th>
          </tr>
        </thead>
        <tbody>
          {attribute.values.map((value, i) => {
            const [inSelection, inRest] = [
              share(value.selection, answer.selection_n),
              share(value.baseline, answer.baseline_n),
            ];
            const text = valueText(attribute.key, value.value);
            const narrow = (side: 'selection' | 'baseline') =>
              onState({ [side]: withCondition(state[side], value.query ?? '') });
            return (
              <tr key={i}>
                <th scope="row" class={value.value === null ? 'detail' : ''}>
                  <Text text={text} max={64} />
                </th>
                <td class="differ-bars" aria-hidden="true">
                  <span class="bar-selection" style={{ width: `${inSelection * 100}%` }} />
                  <span class="bar-rest" style={{ width: `${inRest * 100}%` }} />
                </td>
                <td class="number" title={count(value.selection)}>
                  {percent(inSelection)}
                </td>
                <td class="number detail" title={count(value.baseline)}>
                  {percent(inRest)}
                </td>
                <td class="differ-narrow">
                  {value.query && (
                    <>
                      <button
                        type="button"
                        class="link"
                        aria-label={`Only ${plain(text)} in the selection`}
                        title={`Selection: and ${value.query}`}
                        onClick={() => narrow('selection')}
                      >
                        + selection
                      </button>
                      <button
                        type="button"
                        class="link"
                        aria-label={`Only ${plain(text)} in the rest`}
                        title={`Rest: and ${value.query}`}
                        onClick={() => narrow('baseline')}
                      >
                        + rest
                      </button>
                    </>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function saveAttributes(answer: DifferAnswer) {
  const lines = [
    ['scope', 'key', 'score', 'value', 'selection', 'selection_of', 'baseline', 'baseline_of'],
    ...answer.attributes.flatMap((attribute) =>
      attribute.values.map((value) => [
        attribute.scope,
        attribute.key,
        attribute.score,
        valueText(attribute.key, value.value),
        value.selection,
        answer.selection_n,
        value.baseline,
        answer.baseline_n,
      ]),
    ),
  ];
  saveFile('differ.csv', 'text/csv', lines.map((line) => line.map(csvCell).join(',')).join('\r\n'));
}
