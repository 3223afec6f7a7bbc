// The trace is not there. A batch may be under way, so it is looked for again for ten seconds; then what there is instead.
import { useEffect, useState } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import type { Match } from '@/api/types';
import { href } from '@/app/location';
import { capabilities } from '@/app/server';
import { age } from '@/model/units';
import { Empty } from '@/ui/states';
import { Text } from '@/ui/text';
import { Time } from '@/ui/time';

const kLookMs = 10_000;
const kEveryMs = 1000;

export function NotFound({ traceId, onFound }: { traceId: string; onFound: () => void }) {
  const [isLooking, setLooking] = useState(true);
  useEffect(() => {
    const until = Date.now() + kLookMs;
    const timer = setInterval(async () => {
      const there = await api.resolve(traceId).catch(() => [] as Match[]);
      if (there.some((match) => match.trace_id === traceId)) return onFound();
      if (Date.now() > until) {
        clearInterval(timer);
        setLooking(false);
      }
    }, kEveryMs);
    return () => clearInterval(timer);
  }, [traceId]);

  const digits = traceId.replace(/^0+/, '');
  const near = useLoad(digits, (signal) =>
    digits.length < 8 ? Promise.resolve<Match[]>([]) : api.resolve(digits.slice(0, 8), signal),
  );
  const newest = useLoad('newest', (signal) => api.runs({ limit: 1 }, signal));
  const oldest = useLoad('oldest', (signal) => api.runs({ limit: 1, sort: 'start_ns' }, signal));
  const first = oldest.data.value?.runs[0];
  const last = newest.data.value?.runs[0];
  const retention = capabilities.value?.retention_s;
  return (
    <Empty title="There is no trace with this id" isPage>
      <p class="mono">{traceId}</p>
      <p role="status">
        {isLooking ? 'It may be on its way: looking again for ten seconds…' : 'It has not come in ten seconds.'}
      </p>
      {first && last && (
        <p>
          The store holds traces from <Time nanos={first.start_ns} /> to <Time nanos={last.start_ns} />
          {retention ? `, and keeps them for ${Math.round(retention / 3600)} h` : ''}.
        </p>
      )}
      {newest.data.value && !last && <p>The store holds no traces at all.</p>}
      {(near.data.value?.length ?? 0) > 0 && (
        <>
          <p>Ids that begin alike:</p>
          <ul>
            {near.data.value!.map((match) => (
              <li key={match.trace_id + (match.span_id ?? '')}>
                <a href={href(`/trace/${match.trace_id}`)}>
                  <code>{match.trace_id}</code>
                </a>{' '}
                <Text text={match.root ?? ''} max={80} />, {age(match.start_ns)}
              </li>
            ))}
          </ul>
        </>
      )}
      <p>
        <button type="button" onClick={onFound}>
          Look again
        </button>{' '}
        <a href={href('/search')}>Search</a>
      </p>
    </Empty>
  );
}
