// What a TraceQL search found, as a table: a row a span, a column for each attribute that came with some span.
import type { MetricValue } from './series';
import { labelText } from './series';

interface FoundSpan {
  readonly spanID: string;
  readonly name?: string;
  readonly startTimeUnixNano?: string;
  readonly durationNanos?: string;
  readonly attributes?: readonly { readonly key: string; readonly value?: MetricValue }[];
}
interface FoundTrace {
  readonly traceID: string;
  readonly spanSets?: readonly { readonly spans?: readonly FoundSpan[]; readonly matched?: number }[];
}

export interface SpanRow {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly values: ReadonlyMap<string, string>;
}

export interface SpanTable {
  readonly columns: readonly string[]; // in order of appearance
  readonly rows: readonly SpanRow[]; // as they came
  readonly matched: number; // spans that fit, whether or not they came with the answer
}

export function spanTable(traces: readonly FoundTrace[]): SpanTable {
  const columns = new Set<string>();
  const rows: SpanRow[] = [];
  let matched = 0;
  for (const trace of traces) {
    for (const set of trace.spanSets ?? []) {
      matched += set.matched ?? set.spans?.length ?? 0;
      for (const span of set.spans ?? []) {
        const values = new Map<string, string>();
        for (const { key, value } of span.attributes ?? []) {
          columns.add(key);
          values.set(key, labelText(value));
        }
        rows.push({
          traceId: trace.traceID,
          spanId: span.spanID,
          name: span.name ?? '',
          startNs: BigInt(span.startTimeUnixNano ?? 0),
          durationNs: Number(span.durationNanos ?? 0),
          values,
        });
      }
    }
  }
  return { columns: [...columns], rows, matched };
}
