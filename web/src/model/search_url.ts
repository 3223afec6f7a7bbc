// The state of the Search screen as its address. Jaeger's parameters keep their names and meaning, so that its addresses
// work here; ours are `sort`, `group`, `live`.
import { formatTags, readTagsParameter } from './logfmt';

export interface SearchState {
  readonly service: string;
  readonly operation: string;
  readonly tags: string; // as in the field: logfmt, comparisons, short names
  readonly lookback: string; // "1h"; "custom": start and end count
  readonly start: string; // µs since 1970, as Jaeger has them; empty: from lookback
  readonly end: string;
  readonly minDuration: string;
  readonly maxDuration: string;
  readonly limit: number;
  readonly traceIds: readonly string[];
  readonly sort: string;
  readonly group: '' | 'workflow' | 'conversation' | 'status';
  readonly live: boolean;
}

export const kLimitMax = 1500; // Jaeger's
export const kLookbacks = ['5m', '15m', '1h', '3h', '6h', '12h', '24h', '2d', '7d', '30d', 'custom'] as const;

export const kSearchDefaults: SearchState = {
  service: '',
  operation: '',
  tags: '',
  lookback: '1h',
  start: '',
  end: '',
  minDuration: '',
  maxDuration: '',
  limit: 20,
  traceIds: [],
  sort: '-start_ns',
  group: '',
  live: false,
};

const digits = (text: string | null) => (text && /^\d{1,17}$/.test(text) ? text : '');

export function readSearch(query: URLSearchParams): SearchState {
  const tagsParameter = query.get('tags') ?? '';
  const map = readTagsParameter(tagsParameter);
  const single = query
    .getAll('tag')
    .map((each) => each.replace(':', '='))
    .join(' ');
  const limit = Number(query.get('limit') ?? '');
  const group = query.get('group') ?? '';
  const start = digits(query.get('start'));
  const end = digits(query.get('end'));
  const lookback = query.get('lookback') || (start && end ? 'custom' : kSearchDefaults.lookback);
  const operation = query.get('operation') ?? '';
  return {
    service: query.get('service') ?? '',
    operation: operation === 'all' ? '' : operation,
    tags: [map ? formatTags(map) : tagsParameter, single].filter((each) => each !== '').join(' '),
    lookback,
    start: lookback === 'custom' ? start : '',
    end: lookback === 'custom' ? end : '',
    minDuration: query.get('minDuration') ?? '',
    maxDuration: query.get('maxDuration') ?? '',
    limit: Number.isInteger(limit) && limit >= 1 ? Math.min(limit, kLimitMax) : kSearchDefaults.limit,
    traceIds: query.getAll('traceID').flatMap((each) => each.split(',').filter((id) => id !== '')),
    sort: query.get('sort') ?? kSearchDefaults.sort,
    group: group === 'workflow' || group === 'conversation' || group === 'status' ? group : '',
    live: query.get('live') === '1',
  };
}

// What differs from the defaults, in a fixed order. readSearch(writeSearch(s)) gives s again.
export function writeSearch(state: SearchState): URLSearchParams {
  const query = new URLSearchParams();
  const put = (name: keyof SearchState) => {
    if (state[name] !== kSearchDefaults[name] && state[name] !== '') query.set(name, String(state[name]));
  };
  put('service');
  put('operation');
  put('tags');
  put('lookback');
  if (state.lookback === 'custom') {
    put('start');
    put('end');
  }
  put('minDuration');
  put('maxDuration');
  put('limit');
  for (const id of state.traceIds) query.append('traceID', id);
  put('sort');
  put('group');
  if (state.live) query.set('live', '1');
  return query;
}
