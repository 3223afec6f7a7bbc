// Series of TraceQL metrics as the server answers them (docs/tempo-api.md), and as charts and tables want them: one list
// of times, and for each series a value or nothing at each of them.

export interface MetricValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly doubleValue?: number | string;
  readonly boolValue?: boolean;
}

export interface MetricSeries {
  readonly labels?: readonly { readonly key: string; readonly value?: MetricValue }[];
  readonly samples?: readonly { readonly timestampMs?: string; readonly value?: number | string }[];
  readonly value?: number | string; // of a query for one value
}

// What is 0 or empty is left out of answers.
const numberOf = (value: number | string | undefined): number => (value === undefined ? 0 : Number(value));

export function labelText(value: MetricValue | undefined): string {
  const held = value?.stringValue ?? value?.intValue ?? value?.doubleValue ?? value?.boolValue;
  return held === undefined ? '' : String(held);
}

export interface Line {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (number | null)[];
}

export interface Lines {
  readonly times: readonly number[]; // ms since 1970, ascending
  readonly lines: readonly Line[];
}

export const labelsOf = (series: MetricSeries): Record<string, string> =>
  Object.fromEntries((series.labels ?? []).map((label) => [label.key, labelText(label.value)]));

export function alignSeries(series: readonly MetricSeries[]): Lines {
  const all = new Set<number>();
  for (const each of series) for (const sample of each.samples ?? []) all.add(Number(sample.timestampMs));
  const times = [...all].sort((a, b) => a - b);
  const place = new Map(times.map((time, i) => [time, i]));
  return {
    times,
    lines: series.map((each) => {
      const values: (number | null)[] = times.map(() => null);
      for (const sample of each.samples ?? []) values[place.get(Number(sample.timestampMs))!] = numberOf(sample.value);
      return { labels: labelsOf(each), values };
    }),
  };
}

export const instantValue = (series: MetricSeries): number =>
  numberOf(series.value ?? series.samples?.[series.samples.length - 1]?.value);

// Lines that agree in `key`, added up; those without the label under ''.
export function sumBy({ times, lines }: Lines, key: string): Lines {
  const sums = new Map<string, (number | null)[]>();
  for (const line of lines) {
    const name = line.labels[key] ?? '';
    const sum = sums.get(name) ?? times.map(() => null);
    line.values.forEach((value, i) => {
      if (value !== null) sum[i] = (sum[i] ?? 0) + value;
    });
    sums.set(name, sum);
  }
  return { times, lines: [...sums].map(([name, values]) => ({ labels: { [key]: name }, values })) };
}

export const total = (line: Line): number => line.values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

// "executor", "demo 2": what a line is called, by its labels' values; without labels, the query's own words.
export function nameOfLabels(labels: Readonly<Record<string, string>>, otherwise: string): string {
  const values = Object.entries(labels)
    .filter(([key]) => key !== '__name__')
    .map(([key, value]) => (key === 'p' ? `p${Number((Number(value) * 100).toPrecision(6))}` : value || '(none)'));
  return values.length === 0 ? otherwise : values.join(' ');
}
