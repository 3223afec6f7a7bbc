import type { Dependency } from '@/model/services';
import { get, withQuery } from './client';

// Times in ms since 1970.
export const dependencies = async (from: number, to: number, signal?: AbortSignal): Promise<Dependency[]> =>
  (
    await get<{ data: Dependency[] | null }>(
      withQuery('api/dependencies', { endTs: Math.ceil(to), lookback: Math.max(1, Math.ceil(to - from)) }),
      signal,
    )
  ).data ?? [];
