// Queries that were run, newest first, in this browser only.

import type { Language } from '@/api/query_language';
import { setting } from '@/app/settings';

const kMax = 50;
const kTextMax = 8192;

const isList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= kMax && value.every((each) => typeof each === 'string');

const kept = {
  traceql: setting<string[]>('history.traceql', [], isList),
  sql: setting<string[]>('history.sql', [], isList),
};

export const historyOf = (language: Language): readonly string[] => kept[language].value;

export function remember(language: Language, text: string) {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > kTextMax) return;
  kept[language].value = [trimmed, ...kept[language].peek().filter((each) => each !== trimmed)].slice(0, kMax);
}

export function forgetAll(language: Language) {
  kept[language].value = [];
}
