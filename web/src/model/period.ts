// The time that a screen is about, as its address has it: `lookback=24h`, or `start` and `end` in µs since 1970 as on
// Search.
import { parseLookback } from './units';

export interface Period {
  readonly lookback: string; // "24h"; "custom": start and end count
  readonly start: string; // µs since 1970
  readonly end: string;
}

export const kPeriods = ['15m', '1h', '6h', '24h', '7d', '30d'] as const;
export const kPeriodDefault = '24h';

const micros = (text: string | null) => (text && /^\d{1,17}$/.test(text) ? text : '');

export function readPeriod(query: URLSearchParams, initial: string = kPeriodDefault): Period {
  const start = micros(query.get('start'));
  const end = micros(query.get('end'));
  if (start !== '' && end !== '' && BigInt(end) > BigInt(start)) return { lookback: 'custom', start, end };
  const lookback = query.get('lookback') ?? '';
  return { lookback: parseLookback(lookback) === null ? initial : lookback, start: '', end: '' };
}

// Writes the period into a copy of `query`, whose other parameters stay.
export function writePeriod(period: Period, query: URLSearchParams, initial: string = kPeriodDefault): URLSearchParams {
  const out = new URLSearchParams(query);
  for (const name of ['lookback', 'start', 'end']) out.delete(name);
  if (period.lookback === 'custom') {
    out.set('start', period.start);
    out.set('end', period.end);
  } else if (period.lookback !== initial) out.set('lookback', period.lookback);
  return out;
}

// In ms since 1970.
export interface Range {
  readonly from: number;
  readonly to: number;
}

export function rangeOf(period: Period, now = Date.now()): Range {
  if (period.lookback === 'custom') {
    return { from: Math.floor(Number(period.start) / 1000), to: Math.ceil(Number(period.end) / 1000) };
  }
  return { from: Math.max(0, now - (parseLookback(period.lookback) ?? 86_400_000)), to: now };
}

export const customPeriod = ({ from, to }: Range): Period => ({
  lookback: 'custom',
  start: String(Math.floor(from) * 1000),
  end: String(Math.ceil(to) * 1000),
});

// Nanoseconds since 1970, as the server takes them.
export const nanosOf = (millis: number): string => `${Math.round(millis)}000000`;

// A step that gives at most `points` intervals, in whole seconds, from those that people count in.
export function stepOf({ from, to }: Range, points: number): number {
  const least = (to - from) / 1000 / points;
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  return steps.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
}

// The part of `range` that charts show: where all that there is lies within a part of it, that part with some room.
// `found`: from the first to the last; null: nothing.
export function fitted(range: Range, found: Range | null): Range {
  if (found === null) return range;
  const room = Math.max(1000, (found.to - found.from) * 0.04);
  const from = Math.max(range.from, found.from - room);
  const to = Math.min(range.to, found.to + room);
  return to - from > (range.to - range.from) * 0.6 ? range : { from, to };
}

// The same time on Search, with tags of its own.
export function searchPath(range: Range, tags = ''): string {
  const query = new URLSearchParams({
    lookback: 'custom',
    start: String(Math.floor(range.from) * 1000),
    end: String(Math.ceil(range.to) * 1000),
  });
  if (tags !== '') query.set('tags', tags);
  return `/search?${query}`;
}
