import { send } from './client';

export type DifferUnit = 'span' | 'run';

export interface DifferValue {
  value: string | { from: number; to: number } | null; // null: without the attribute
  selection: number; // how many have it
  baseline: number;
  query: string | null; // TraceQL's condition for it
}
export interface DifferAttribute {
  scope: string;
  key: string;
  type: 'text' | 'number';
  score: number; // 0 to 1
  values: DifferValue[];
}
export interface DifferAnswer {
  selection_n: number;
  baseline_n: number;
  sampled: boolean;
  query: { selection: string; baseline: string | null };
  attributes: DifferAttribute[];
}

export interface DifferQuestion {
  selection: string;
  baseline?: string; // nothing: all else
  start: string; // ns since 1970
  end: string;
  unit: DifferUnit;
}

export const kAttributesMax = 40;

export const differ = (question: DifferQuestion, signal?: AbortSignal) =>
  send<DifferAnswer>('api/meshflow/differ', {
    method: 'POST',
    body: { ...question, limit: kAttributesMax },
    signal,
  });
