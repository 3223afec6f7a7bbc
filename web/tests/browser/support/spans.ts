// OTLP JSON as a client sends it, from a few words a span.
import type { Server } from './server';

export interface SpanWords {
  id: number;
  parent?: number;
  name?: string;
  startNs?: number; // from the start of the trace
  durationNs?: number;
  error?: string;
  attributes?: Record<string, string | number | boolean>;
  events?: { name: string; atNs: number; attributes?: Record<string, string> }[];
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
export const spanId = (id: number) => hex(id, 16);
export const traceId = (id: number) => hex(id, 32);

const attributesOf = (values: Record<string, string | number | boolean>) =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: String(value) }
            : { doubleValue: value },
  }));

export function requestOf(trace: string, spans: SpanWords[], startMs: number, service = 'foreign', resource = {}) {
  const nanos = (offset: number) => String(BigInt(startMs) * 1_000_000n + BigInt(Math.round(offset)));
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ 'service.name': service, ...resource }) },
        scopeSpans: [
          {
            scope: { name: 'test' },
            spans: spans.map((span) => ({
              traceId: trace,
              spanId: spanId(span.id),
              parentSpanId: span.parent === undefined ? '' : spanId(span.parent),
              name: span.name ?? `span ${span.id}`,
              kind: 1,
              startTimeUnixNano: nanos(span.startNs ?? 0),
              endTimeUnixNano: nanos((span.startNs ?? 0) + (span.durationNs ?? 1_000_000)),
              attributes: attributesOf(span.attributes ?? {}),
              events: (span.events ?? []).map((event) => ({
                timeUnixNano: nanos(event.atNs),
                name: event.name,
                attributes: attributesOf(event.attributes ?? {}),
              })),
              ...(span.error === undefined ? {} : { status: { code: 2, message: span.error } }),
            })),
          },
        ],
      },
    ],
  };
}

const kAtOnce = 10_000;

// Sends a trace, in pieces where it is large; back when all of it can be read.
export async function sendTrace(server: Server, trace: string, spans: SpanWords[], startMs = Date.now() - 60_000) {
  for (let at = 0; at < spans.length; at += kAtOnce) {
    await server.send(requestOf(trace, spans.slice(at, at + kAtOnce), startMs));
  }
  await server.seen(trace, spans.length);
}

// A run of many agents: a root, nodes below it, agents and calls below those; every 50th agent fails.
export function manySpans(count: number): SpanWords[] {
  const spans: SpanWords[] = [{ id: 1, name: 'meshflow.run', durationNs: count * 1e6 }];
  for (let id = 2; id <= count; ++id) {
    const place = (id - 2) % 10;
    const node = id - place;
    spans.push({
      id,
      parent: place === 0 ? 1 : place === 1 ? node : node + 1,
      name: place === 0 ? 'meshflow.node' : place === 1 ? 'meshflow.agent' : 'chat mock',
      startNs: (id - 2) * 1e6,
      durationNs: place === 0 ? 9.5e6 : place === 1 ? 8.5e6 : 0.8e6,
      error: id % 500 === 3 ? 'it failed' : undefined,
      attributes: {
        'meshflow.node_id': `node ${Math.floor(id / 10)}`,
        'meshflow.role': ['planner', 'researcher', 'executor', 'critic'][Math.floor(id / 10) % 4],
        'meshflow.cost_usd': 0.0001,
        'meshflow.tokens': 12,
        'gen_ai.request.model': 'mock-large',
        'a.fourth': 'one',
        'a.fifth': id,
        'a.sixth': 'x'.repeat(20),
      },
    });
  }
  return spans;
}
