// Traces that a person opened from a file: held by this page alone, never stored.

import { traceId } from '@/model/ids';
import { type JaegerTrace, jaegerTracesIn } from '@/model/jaeger_file';
import { ApiError, send } from './client';

export const kFileBytesMax = 64 * 1024 * 1024;
const opened = new Map<string, JaegerTrace>();

export const openedTrace = (id: string): JaegerTrace | null => opened.get(id) ?? null;

// OTLP JSON, one request or one a line (as `meshflow traces export` writes), or Jaeger's JSON. Gives the traces' ids; throws
// ApiError with what is wrong.
export async function openFile(file: File): Promise<string[]> {
  if (file.size > kFileBytesMax)
    throw new ApiError(`${file.name} has more than 64 MiB`, -1, 'limit_exceeded', '64 MiB');
  const traces = await tracesIn(file.name, await file.text());
  for (const trace of traces) opened.set(traceId(trace.traceID), trace);
  return traces.map((trace) => traceId(trace.traceID));
}

async function tracesIn(name: string, text: string): Promise<JaegerTrace[]> {
  const values = parse(text);
  if (!values) throw new ApiError(`${name} is not JSON, nor JSON lines`, -1, 'invalid_input');
  const isOtlp = (value: unknown) =>
    typeof value === 'object' && value !== null && ('resourceSpans' in value || 'batches' in value);
  if (values.every(isOtlp)) {
    const resourceSpans = values.flatMap((value) => {
      const { resourceSpans, batches } = value as { resourceSpans?: unknown[]; batches?: unknown[] };
      return resourceSpans ?? batches ?? [];
    });
    // The server reads OTLP for us, and keeps none of it.
    const answer = await send<unknown>('api/transform', { method: 'POST', body: { resourceSpans } });
    return jaegerTracesIn(answer) ?? [];
  }
  const found = values.length === 1 ? jaegerTracesIn(values[0]) : null;
  if (found) return found;
  throw new ApiError(
    `${name} holds no traces in OTLP's or Jaeger's JSON`,
    -1,
    'invalid_input',
    null,
    '{"resourceSpans": […]} or {"data": [{"traceID": …}]}',
  );
}

function parse(text: string): unknown[] | null {
  try {
    return [JSON.parse(text)];
  } catch {
    try {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      return lines.length > 1 ? lines.map((line) => JSON.parse(line)) : null;
    } catch {
      return null;
    }
  }
}
