// A trace that grows while one looks: its outline, kept up to date by the server's events.
import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { type Load, useLoad } from '@/api/load';
import { listen } from '@/api/stream';
import { announce } from '@/app/announce';
import { type Outline, type OutlineAnswer, readOutline } from '@/model/outline';
import { mergeOutline, withOpenSpans } from '@/model/outline_merge';

// How often the bars of open spans grow.
const kTickMs = 1000;

export interface LiveOutline {
  readonly load: Load<OutlineAnswer>;
  readonly outline: Outline | null;
}

export function useOutline(traceId: string, isLive: boolean): LiveOutline {
  const load = useLoad(traceId, (signal) => api.outline(traceId, signal));
  const grown: Signal<OutlineAnswer | null> = useSignal(null);
  const now = useSignal(0);
  const first = load.data.value;
  const answer = grown.value ?? first;

  useEffect(() => {
    grown.value = null;
  }, [first]);
  useEffect(() => {
    if (!isLive || !first) return;
    const again = () => load.run();
    return listen(
      { topic: 'trace', trace_id: traceId, since: String((grown.peek() ?? first).revision) },
      {
        spans: (delta: OutlineAnswer) => {
          const before = grown.peek() ?? first;
          const merged = mergeOutline(before, delta);
          if (!merged) return again();
          const more = merged.columns.parent.length - before.columns.parent.length;
          if (more > 0) announce(`${more} more ${more === 1 ? 'span' : 'spans'}`);
          grown.value = merged;
        },
        gap: again,
      },
    );
  }, [traceId, isLive, first]);

  const hasOpen = (answer?.open?.length ?? 0) > 0;
  useEffect(() => {
    if (!isLive || !hasOpen) return;
    const tick = () => {
      now.value = Date.now();
    };
    tick();
    const timer = setInterval(tick, kTickMs);
    return () => clearInterval(timer);
  }, [isLive, hasOpen]);
  const outline = useMemo(
    () => (answer ? readOutline(traceId, isLive ? withOpenSpans(answer) : answer, now.value || Date.now()) : null),
    [answer, isLive, now.value],
  );
  return { load, outline };
}
