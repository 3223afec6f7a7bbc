// From the screen's state to what the server is asked.
import type { RunsQuestion } from '@/api/endpoints';
import { traceId } from '@/model/ids';
import { parseTags, TagsError } from '@/model/logfmt';
import type { SearchState } from '@/model/search_url';
import { parseDuration, parseLookback } from '@/model/units';

// The time range in ns since 1970; an empty text: open.
export function rangeOf(state: SearchState, now = Date.now()): { start: string; end: string } {
  if (state.lookback === 'custom') {
    return { start: state.start && `${state.start}000`, end: state.end && `${state.end}999` };
  }
  const back = parseLookback(state.lookback);
  return { start: back === null ? '' : `${Math.max(0, now - back)}000000`, end: '' };
}

export function questionOf(state: SearchState, now = Date.now()): RunsQuestion {
  const order = { sort: state.sort, limit: state.limit };
  if (state.traceIds.length > 0) {
    return { ...order, q: `{ ${state.traceIds.map((id) => `trace:id = "${traceId(id)}"`).join(' || ')} }` };
  }
  return {
    ...order,
    ...rangeOf(state, now),
    service: state.service,
    operation: state.operation,
    tags: state.tags.trim(),
    minDuration: state.minDuration.trim(),
    maxDuration: state.maxDuration.trim(),
  };
}

// What is wrong with the form's texts, by field.
export function problemsOf(state: SearchState): Partial<Record<keyof SearchState, string>> {
  const problems: Partial<Record<keyof SearchState, string>> = {};
  try {
    parseTags(state.tags);
  } catch (error) {
    if (!(error instanceof TagsError)) throw error;
    problems.tags = `${error.message} (at character ${error.at + 1})`;
  }
  for (const name of ['minDuration', 'maxDuration'] as const) {
    if (state[name].trim() !== '' && parseDuration(state[name]) === null) {
      problems[name] = 'not a duration: 1.2s, 100ms, 500us';
    }
  }
  return problems;
}

// The same question without one of its conditions, for an answer that has nothing in it.
export function relaxations(state: SearchState): { name: string; state: SearchState }[] {
  const out: { name: string; state: SearchState }[] = [];
  if (state.tags.trim() !== '') out.push({ name: 'Tags', state: { ...state, tags: '' } });
  if (state.operation !== '') out.push({ name: 'Operation', state: { ...state, operation: '' } });
  if (state.minDuration !== '') out.push({ name: 'Min Duration', state: { ...state, minDuration: '' } });
  if (state.maxDuration !== '') out.push({ name: 'Max Duration', state: { ...state, maxDuration: '' } });
  if (state.service !== '') out.push({ name: 'Service', state: { ...state, service: '', operation: '' } });
  if (state.traceIds.length > 0) out.push({ name: 'trace ids', state: { ...state, traceIds: [] } });
  else out.push({ name: 'Lookback', state: { ...state, lookback: 'custom', start: '', end: '' } });
  return out;
}
