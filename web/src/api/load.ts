// What a panel shows of one question: what came last, whether more is under way, what went wrong. A newer question aborts
// the older one; what was shown stays until its successor is here.
import { type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ApiError, isAborted, isLost } from './client';

export interface Load<T> {
  readonly data: ReadonlySignal<T | null>;
  readonly error: ReadonlySignal<ApiError | null>;
  readonly since: ReadonlySignal<number | null>; // when what is under way began; null: nothing is
  // Asks again; the same question unless another one is given.
  run(ask?: (signal: AbortSignal) => Promise<T>): void;
  cancel(): void;
  clear(): void;
}

export function createLoad<T>(): Load<T> {
  const data = signal<T | null>(null);
  const error = signal<ApiError | null>(null);
  const since = signal<number | null>(null);
  let ask: ((signal: AbortSignal) => Promise<T>) | null = null;
  let running: AbortController | null = null;
  const cancel = () => {
    running?.abort();
    running = null;
    since.value = null;
  };
  const run = (next?: (signal: AbortSignal) => Promise<T>) => {
    if (next) ask = next;
    if (!ask) return;
    cancel();
    const mine = new AbortController();
    running = mine;
    since.value = Date.now();
    ask(mine.signal)
      .then((answer) => {
        if (running !== mine) return;
        data.value = answer;
        error.value = null;
      })
      .catch((reason: unknown) => {
        if (running !== mine || isAborted(reason)) return;
        error.value =
          reason instanceof ApiError ? reason : new ApiError(String((reason as Error)?.message ?? reason), -1);
      })
      .finally(() => {
        if (running !== mine) return;
        running = null;
        since.value = null;
      });
  };
  const clear = () => {
    cancel();
    data.value = null;
    error.value = null;
  };
  return { data, error, since, run, cancel, clear };
}

// Loads when `key` changes, and again when the server is back after it was lost. Ends with the component.
export function useLoad<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Load<T> {
  const load = useMemo(() => createLoad<T>(), []);
  useEffect(() => {
    load.run(ask);
  }, [key]);
  useEffect(() => () => load.cancel(), []);
  useEffect(() => {
    let was = isLost.value;
    return isLost.subscribe((is) => {
      if (was && !is && load.error.peek()?.status === 0) load.run();
      was = is;
    });
  }, []);
  return load;
}
