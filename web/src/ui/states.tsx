// The states that every panel has: loading, failed, empty, partial, full. Screens use these and have none of their own.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from '@/api/client';
import type { Load } from '@/api/load';

const kPatienceMs = 3000;

interface LoadedProps<T> {
  load: Load<T>;
  what: string; // what is awaited: "the newest runs"
  rows?: number; // of the skeleton
  children: (data: T) => ComponentChildren;
}

// Shows what `load` has, and its states around it.
export function Loaded<T>({ load, what, rows = 8, children }: LoadedProps<T>) {
  const data = load.data.value;
  const error = load.error.value;
  const since = load.since.value;
  return (
    <div class="loaded" aria-busy={since !== null}>
      <Progress since={since} what={what} onCancel={load.cancel} />
      {error && <Failure error={error} what={what} onRetry={() => load.run()} />}
      {data !== null ? (
        <div class={since !== null || error ? 'content dimmed' : 'content'}>{children(data)}</div>
      ) : (
        since !== null && <Skeleton rows={rows} />
      )}
    </div>
  );
}

// A line while something is under way; after three seconds, what it is, and a way out.
export function Progress({ since, what, onCancel }: { since: number | null; what: string; onCancel: () => void }) {
  const isLong = useElapsed(since, kPatienceMs);
  if (since === null) return null;
  return (
    <div class="progress">
      <div class="progress-line" />
      {isLong && (
        <p class="progress-words" role="status">
          Still waiting for {what}.{' '}
          <button type="button" onClick={onCancel}>
            Cancel
          </button>
        </p>
      )}
    </div>
  );
}

// True once `after` ms have passed since `since`.
function useElapsed(since: number | null, after: number): boolean {
  const [passed, setPassed] = useState<number | null>(null);
  useEffect(() => {
    if (since === null) return;
    const timer = setTimeout(() => setPassed(since), Math.max(0, since + after - Date.now()));
    return () => clearTimeout(timer);
  }, [since, after]);
  return since !== null && passed === since;
}

export function Skeleton({ rows }: { rows: number }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, i) => (
        <div class={`skeleton-row w${i % 4}`} key={i} />
      ))}
    </div>
  );
}

// The server's own sentence, code and limit.
export function Failure({ error, what, onRetry }: { error: ApiError; what: string; onRetry?: () => void }) {
  const place =
    error.line === null ? '' : `line ${error.line}${error.column === null ? '' : `, column ${error.column}`}`;
  const facts = [
    error.status > 0 ? String(error.status) : '',
    error.code,
    place,
    error.limit === null ? '' : `limit ${error.limit}`,
  ];
  return (
    <div class="failure" role="alert">
      <p>
        <span class="mark" aria-hidden="true">
          ⚠
        </span>{' '}
        <strong>No answer to {what}:</strong> {error.message}
      </p>
      {error.hint && <p class="hint">{error.hint}</p>}
      <p class="facts">
        <span class="mono">{facts.filter((each) => each !== '').join(' · ')}</span>
        {onRetry && (
          <button type="button" onClick={onRetry}>
            Retry
          </button>
        )}
      </p>
    </div>
  );
}

// Nothing to show, and why; children: what to do about it.
// `isPage`: there is nothing else on the screen.
export function Empty({ title, isPage, children }: { title: string; isPage?: boolean; children?: ComponentChildren }) {
  return (
    <div class="empty">
      {isPage ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

// What is missing from what is shown: "200 of 1,432 runs".
export function Partial({ children }: { children: ComponentChildren }) {
  return (
    <p class="partial" role="note">
      <span aria-hidden="true">◐</span> {children}
    </p>
  );
}
