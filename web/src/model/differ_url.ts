// The state of What differs as its address, and how conditions are added to its queries.
import { kPeriodDefault, type Period, readPeriod, writePeriod } from './period';

export interface DifferState {
  readonly selection: string; // TraceQL; '' none chosen yet
  readonly baseline: string; // '' all else
  readonly unit: 'span' | 'run';
  readonly period: Period;
}

export function readDiffer(query: URLSearchParams): DifferState {
  return {
    selection: query.get('sel') ?? '',
    baseline: query.get('base') ?? '',
    unit: query.get('unit') === 'run' ? 'run' : 'span',
    period: readPeriod(query, kPeriodDefault),
  };
}

// Writes the state into a copy of `query`, whose other parameters stay.
export function writeDiffer(state: DifferState, query: URLSearchParams): URLSearchParams {
  const out = writePeriod(state.period, query);
  const put = (name: string, value: string) => (value === '' ? out.delete(name) : out.set(name, value));
  put('sel', state.selection);
  put('base', state.baseline);
  put('unit', state.unit === 'run' ? 'run' : '');
  return out;
}

// What stands between the braces of a query that is one filter; null where it is more than that.
function inFilter(q: string): string | null {
  const text = q.trim();
  if (!text.startsWith('{') || !text.endsWith('}')) return null;
  let depth = 0;
  let quote = '';
  for (let i = 0; i < text.length; ++i) {
    const c = text[i];
    if (quote !== '') {
      if (c === '\\' && quote === '"') ++i;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === '`') quote = c;
    else if (c === '{') ++depth;
    else if (c === '}' && --depth === 0 && i < text.length - 1) return null;
  }
  return text.slice(1, -1).trim();
}

// The query, and the condition besides.
export function withCondition(q: string, condition: string): string {
  if (q.trim() === '') return `{ ${condition} }`;
  const inner = inFilter(q);
  if (inner === null) return `${q.trim()} | { ${condition} }`;
  if (inner === '') return `{ ${condition} }`;
  const wrap = (text: string) => (text.includes('||') ? `(${text})` : text);
  return `{ ${wrap(inner)} && ${wrap(condition)} }`;
}

// A filter for the runs that a list names.
export const runsFilter = (traceIds: readonly string[]): string =>
  `{ ${traceIds.map((id) => `trace:id = "${id}"`).join(' || ')} }`;

// Nano-dollars as TraceQL has them, exact: 0.010722.
export function dollars(nano: string): string {
  const digits = nano.padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '');
}
