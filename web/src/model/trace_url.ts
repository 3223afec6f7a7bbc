// The state of a trace's screens as the address: what is shown, selected and looked for. `span` and `uiFind` are Jaeger's.
export const kTraceViews = ['waterfall', 'table', 'graph', 'flame', 'messages', 'ledger'] as const;
export type TraceView = (typeof kTraceViews)[number];

export interface TraceState {
  readonly view: TraceView;
  readonly span: string; // span id; empty: none selected
  readonly find: string; // text, a TraceQL filter, or one of kFinds
  readonly critical: boolean;
  readonly from: number; // the part of the axis that is shown, 0 to 1
  readonly to: number;
  readonly live: boolean;
}

// What Find offers ready-made.
export const kFinds = ['errors', 'blocked', 'critical path', 'slowest 10'] as const;

export const kTraceDefaults: TraceState = {
  view: 'waterfall',
  span: '',
  find: '',
  critical: false,
  from: 0,
  to: 1,
  live: false,
};

export function readTrace(query: URLSearchParams): TraceState {
  const view = query.get('view') ?? '';
  const span = (query.get('span') ?? query.get('uiSpan') ?? '').toLowerCase();
  const zoom = /^(0(?:\.\d+)?|1)-(0(?:\.\d+)?|1(?:\.0+)?)$/.exec(query.get('zoom') ?? '');
  const from = zoom ? Number(zoom[1]) : 0;
  const to = zoom ? Number(zoom[2]) : 1;
  return {
    view: (kTraceViews as readonly string[]).includes(view) ? (view as TraceView) : 'waterfall',
    span: /^[0-9a-f]{1,16}$/.test(span) ? span.padStart(16, '0') : '',
    find: query.get('uiFind') ?? '',
    critical: query.get('critical') === '1',
    from: to > from ? from : 0,
    to: to > from ? to : 1,
    live: query.get('live') === '1',
  };
}

// Writes the state into a copy of `query`, whose other parameters stay.
export function writeTrace(state: TraceState, query: URLSearchParams): URLSearchParams {
  const out = new URLSearchParams(query);
  const put = (name: string, value: string) => (value === '' ? out.delete(name) : out.set(name, value));
  out.delete('uiSpan');
  put('view', state.view === 'waterfall' ? '' : state.view);
  put('span', state.span);
  put('uiFind', state.find);
  put('critical', state.critical ? '1' : '');
  put('zoom', state.from > 0 || state.to < 1 ? `${round(state.from)}-${round(state.to)}` : '');
  put('live', state.live ? '1' : '');
  return out;
}

const round = (place: number) => Number(place.toPrecision(6));
