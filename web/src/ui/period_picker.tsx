// Chooses the time that a screen is about: the last hours or days, or the range that was marked in a chart.
import { kPeriods, type Period, rangeOf } from '@/model/period';
import { clockTime, duration, utcTime } from '@/model/units';

interface Props {
  period: Period;
  onPeriod: (period: Period) => void;
}

const nanos = (millis: number) => BigInt(millis) * 1_000_000n;

export function PeriodPicker({ period, onPeriod }: Props) {
  const isCustom = period.lookback === 'custom';
  const range = rangeOf(period);
  const last = (lookback: string) => onPeriod({ lookback, start: '', end: '' });
  const known = (kPeriods as readonly string[]).includes(period.lookback) || isCustom;
  return (
    <span class="period">
      <label>
        Time{' '}
        <select
          data-first-field
          value={period.lookback}
          onChange={(event) => {
            if (event.currentTarget.value !== 'custom') last(event.currentTarget.value);
          }}
        >
          {[...kPeriods, ...(known ? [] : [period.lookback])].map((each) => (
            <option key={each} value={each}>
              last {each}
            </option>
          ))}
          {isCustom && <option value="custom">as marked</option>}
        </select>
      </label>
      {isCustom && (
        <span title={`${utcTime(nanos(range.from))} to ${utcTime(nanos(range.to))}`}>
          {clockTime(nanos(range.from))} to {clockTime(nanos(range.to))}{' '}
          <span class="detail">{duration((range.to - range.from) * 1e6)}</span>
        </span>
      )}
    </span>
  );
}
