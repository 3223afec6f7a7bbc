// What Query and SQL share: the text that is edited, the one that was asked (in the address), and asking it.
import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ApiError } from '@/api/client';
import type { Language } from '@/api/query_language';
import { useKeys } from '@/app/keys';
import { query, setParameters } from '@/app/location';
import { spanAt } from '@/model/code_points';
import type { Problem } from './editor/editor';
import { remember } from './history';
import type { ResultView } from './results';

export interface Asking {
  readonly asked: string;
  readonly text: Signal<string>;
  readonly again: number; // counts up where the same text is asked once more
  readonly view: ResultView;
  readonly run: (text: string) => void;
  readonly setView: (view: ResultView) => void;
}

export function useAsking(language: Language, group: string): Asking {
  const asked = query.value.get('q') ?? '';
  const text = useSignal(asked);
  const again = useSignal(0);
  useEffect(() => {
    text.value = asked;
  }, [asked]);
  const run = (q: string) => {
    text.value = q;
    remember(language, q);
    if (q === (query.peek().get('q') ?? '')) again.value += 1;
    else setParameters({ q, view: null });
  };
  useKeys(() => [{ keys: 'Ctrl+Enter', does: 'run the query', group, run: () => run(text.peek()) }], []);
  return {
    asked,
    text,
    again: again.value,
    view: (query.value.get('view') ?? '') as ResultView,
    run,
    setView: (view) => setParameters({ view }),
  };
}

// Where the editor underlines `text`, and what it says there; null: nowhere.
export function problemOf(
  text: string,
  error: ApiError | null,
  length: (line: number, column: number) => number, // where the server says only where it begins
): Problem | null {
  if (!error || error.line === null || text.trim() === '') return null;
  const column = error.column ?? 1;
  const place = spanAt(text, error.line, column, error.length ?? length(error.line, column));
  return { text, ...place, message: [error.message, error.hint].filter((each) => each).join('. ') };
}
