import { send } from './client';

export type Cell = string | number | boolean | null;
export interface SqlAnswer {
  columns: { name: string; type: string }[];
  rows: Cell[][];
  truncated: boolean;
  elapsed_ms: number;
}

export const kSqlRowsMax = 10_000;

export const sql = (text: string, signal?: AbortSignal) =>
  send<SqlAnswer>('api/meshflow/sql', { method: 'POST', body: { sql: text, limit: kSqlRowsMax }, signal });
