// One function for each question that the screens ask. Paths are written here and nowhere else.

import { outlineOfJaeger, spanOfJaeger } from '@/model/jaeger_file';
import type { OutlineAnswer } from '@/model/outline';
import { get, send, withQuery } from './client';
import { openedTrace } from './opened';
import type { Capabilities, LedgerAnswer, Match, RunsAnswer, SpanAnswer, View } from './types';

const kOwn = 'api/meshflow';

export const capabilities = (signal?: AbortSignal) => get<Capabilities>(`${kOwn}/capabilities`, signal);

export const services = async (signal?: AbortSignal): Promise<string[]> =>
  (await get<{ data: string[] | null }>('api/services', signal)).data ?? [];

export const operations = async (service: string, signal?: AbortSignal): Promise<string[]> => {
  const answer = await get<{ data: { name: string }[] | null }>(withQuery('api/operations', { service }), signal);
  return [...new Set((answer.data ?? []).map((each) => each.name))];
};

export interface RunsQuestion {
  q?: string;
  tags?: string;
  service?: string;
  operation?: string;
  minDuration?: string;
  maxDuration?: string;
  start?: string; // ns since 1970
  end?: string;
  sort?: string;
  limit?: number;
  cursor?: string;
}

export const runs = (question: RunsQuestion, signal?: AbortSignal) =>
  get<RunsAnswer>(withQuery(`${kOwn}/runs`, { ...question }), signal);

export const resolve = async (id: string, signal?: AbortSignal): Promise<Match[]> =>
  (await get<{ matches: Match[] }>(withQuery(`${kOwn}/resolve`, { id }), signal)).matches;

export const outline = async (id: string, signal?: AbortSignal): Promise<OutlineAnswer> => {
  const file = openedTrace(id);
  return file ? outlineOfJaeger(file) : get<OutlineAnswer>(`${kOwn}/traces/${id}/outline`, signal);
};

export const span = async (id: string, spanId: string, signal?: AbortSignal): Promise<SpanAnswer> => {
  const file = openedTrace(id);
  return (file && spanOfJaeger(file, spanId)) ?? get<SpanAnswer>(`${kOwn}/traces/${id}/spans/${spanId}`, signal);
};

// Indices of the outline with that revision.
export const find = async (id: string, q: string, revision: string, signal?: AbortSignal): Promise<number[]> => {
  if (openedTrace(id)) return [];
  return (await get<{ indices: number[] }>(withQuery(`${kOwn}/traces/${id}/find`, { q, revision }), signal)).indices;
};

export const ledger = (runId: string, signal?: AbortSignal) =>
  get<LedgerAnswer>(`${kOwn}/ledger/${encodeURIComponent(runId)}`, signal);

export const views = async (signal?: AbortSignal): Promise<View[]> =>
  (await get<{ views: View[] }>(`${kOwn}/views`, signal)).views;

export const saveView = (name: string, url: string) =>
  send<View>(`${kOwn}/views`, { method: 'POST', body: { name, url } });

export const deleteView = (id: string) => send<void>(`${kOwn}/views/${encodeURIComponent(id)}`, { method: 'DELETE' });

// Addresses for people: the same data as files.
export const otlpJsonPath = (traceId: string) => `tempo/api/v2/traces/${traceId}`;
export const jaegerJsonPath = (traceId: string) => `api/traces/${traceId}`;
