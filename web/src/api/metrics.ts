// TraceQL over HTTP: Tempo's handlers, mounted below the page's own origin.
import type { MetricSeries } from '@/model/series';
import { get, withQuery } from './client';

export interface MetricsAnswer {
  series?: MetricSeries[];
  status?: string; // PARTIAL
  message?: string;
}

export interface FoundSpan {
  spanID: string;
  name?: string;
  startTimeUnixNano?: string;
  durationNanos?: string;
  attributes?: {
    key: string;
    value?: { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean };
  }[];
}
export interface FoundTrace {
  traceID: string;
  rootServiceName?: string;
  rootTraceName?: string;
  startTimeUnixNano?: string;
  durationMs?: number;
  spanSets?: { spans?: FoundSpan[]; matched?: number; attributes?: FoundSpan['attributes'] }[];
}
export interface SearchAnswer {
  traces?: FoundTrace[];
  status?: string;
  message?: string;
}

// Times in ms since 1970; the server takes seconds.
interface When {
  from?: number;
  to?: number;
}
const secondsOf = ({ from, to }: When) => ({
  start: from === undefined ? undefined : Math.floor(from / 1000),
  end: to === undefined ? undefined : Math.ceil(to / 1000),
});

export const queryRange = (q: string, when: When & { step: number }, signal?: AbortSignal) =>
  get<MetricsAnswer>(
    withQuery('tempo/api/metrics/query_range', { q, ...secondsOf(when), step: `${when.step}s` }),
    signal,
  );

export const queryInstant = (q: string, when: When, signal?: AbortSignal) =>
  get<MetricsAnswer>(withQuery('tempo/api/metrics/query', { q, ...secondsOf(when) }), signal);

export const search = (
  q: string,
  { limit, spans, ...when }: When & { limit: number; spans: number },
  signal?: AbortSignal,
) => get<SearchAnswer>(withQuery('tempo/api/search', { q, ...secondsOf(when), limit, spss: spans }), signal);
