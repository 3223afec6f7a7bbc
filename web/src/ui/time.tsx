import { age, clockTime, utcTime } from '@/model/units';

// A time in the local zone; UTC, exact, when one points at it.
export function Time({ nanos }: { nanos: string | bigint }) {
  return <time title={utcTime(nanos)}>{clockTime(nanos)}</time>;
}

// How long ago, in a column that says so.
export function Age({ nanos }: { nanos: string | bigint }) {
  return <time title={`${clockTime(nanos)} · ${utcTime(nanos)}`}>{age(nanos).replace(/ ago$/, '')}</time>;
}
