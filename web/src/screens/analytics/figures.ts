// What `meshflow report` says of its figures, said the same here (docs/report.md).
import { money } from '@/model/units';

// To the nearest whole; of nothing, nothing.
export const mean = (sum: number, count: number): number | null => (count === 0 ? null : Math.round(sum / count));

// "+39 %", "new" where there was nothing, "gone" where there is nothing any more, "=" below half a percent.
export function changeText(now: number | null, before: number | null): string {
  if (!now && !before) return '';
  if (!before) return 'new';
  if (!now) return 'gone';
  const percent = ((now - before) / Math.abs(before)) * 100;
  if (Math.abs(percent) < 0.5) return '=';
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(0)} %`;
}

// Below as many, the 95th percentile is the largest value, and is called so.
export const kSamplesForP95 = 20;

// Nanograms, exact: "0.228945246 g".
export const grams = (nanograms: number | null): string =>
  nanograms === null
    ? '–'
    : `${money(nanograms)
        .replace('$', '')
        .replace(/\.?0+$/, '')} g`;

// A version is compared with the one above it where that is of the same workflow, else with the period before.
export interface Version {
  readonly workflow: string;
  readonly now: { readonly runs: number; readonly tokens: number };
  readonly before: { readonly runs: number; readonly tokens: number };
}
export function versionChange(row: Version, above: Version | undefined): string {
  const each = (one: Version) => mean(one.now.tokens, one.now.runs) ?? mean(one.before.tokens, one.before.runs);
  if (above?.workflow === row.workflow) return changeText(each(row), each(above));
  return changeText(mean(row.now.tokens, row.now.runs), mean(row.before.tokens, row.before.runs));
}
