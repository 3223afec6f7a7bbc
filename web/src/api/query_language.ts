// What the server's parsers say of a query that is being written. Places are UTF-16 offsets, as editors count.
import { get, withQuery } from './client';

export type Language = 'traceql' | 'sql';

export interface Completion {
  label: string;
  kind: string; // keyword, attribute, value, function, table, column, …
  detail?: string | null;
}
export interface CompletionAnswer {
  from: number;
  to: number;
  items: Completion[];
}
export interface CheckAnswer {
  ok: boolean;
  error?: {
    code: string;
    message: string;
    line?: number;
    column?: number;
    length?: number;
    from?: number;
    to?: number;
    hint?: string;
  };
}

export const complete = (lang: Language, q: string, pos: number, signal?: AbortSignal) =>
  get<CompletionAnswer>(withQuery('api/meshflow/complete', { lang, q, pos }), signal);

export const check = (lang: Language, q: string, signal?: AbortSignal) =>
  get<CheckAnswer>(withQuery('api/meshflow/check', { lang, q }), signal);
