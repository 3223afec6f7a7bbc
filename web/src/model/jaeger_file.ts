// A trace from a file in Jaeger's JSON, as the outline and the spans that the server would give of it.
import type { Attribute, SpanAnswer } from '@/api/types';
import { traceId } from './ids';
import { Flag, Kind, type OutlineAnswer, Status, Verdict } from './outline';

interface JaegerTag {
  key: string;
  type?: string;
  value: unknown;
}

export interface JaegerSpan {
  spanID: string;
  operationName: string;
  references?: { refType: string; traceID: string; spanID: string }[];
  startTime: number; // µs
  duration: number;
  tags?: JaegerTag[];
  logs?: { timestamp: number; fields: JaegerTag[] }[];
  processID?: string;
  process?: { serviceName: string; tags?: JaegerTag[] };
}

export interface JaegerTrace {
  traceID: string;
  spans: JaegerSpan[];
  processes?: Record<string, { serviceName: string; tags?: JaegerTag[] }>;
}

const kNames: Record<string, number> = {
  'meshflow.run': Kind.run,
  'meshflow.node': Kind.node,
  'meshflow.agent': Kind.agent,
  'meshflow.tool': Kind.tool,
  'meshflow.gate': Kind.gate,
  'meshflow.policy_check': Kind.policy,
  'meshflow.ledger_write': Kind.ledger,
};
const kOperations: Record<string, number> = {
  chat: Kind.model,
  text_completion: Kind.model,
  generate_content: Kind.model,
  embeddings: Kind.model,
  execute_tool: Kind.tool,
  invoke_agent: Kind.agent,
  create_agent: Kind.agent,
  invoke_workflow: Kind.run,
};
const kVerdicts: Record<string, number> = {
  allowed: Verdict.allowed,
  blocked: Verdict.blocked,
  pending: Verdict.pending,
};

const spanIdOf = (id: string) => id.toLowerCase().padStart(16, '0').slice(-16);
const tagOf = (span: JaegerSpan, key: string): unknown => span.tags?.find((tag) => tag.key === key)?.value;
const textOf = (span: JaegerSpan, key: string): string => {
  const value = tagOf(span, key);
  return value == null ? '' : String(value);
};
const parentOf = (trace: JaegerTrace, span: JaegerSpan): string => {
  const isHere = (each: { traceID: string }) => traceId(each.traceID) === traceId(trace.traceID);
  const reference =
    span.references?.find((each) => each.refType === 'CHILD_OF' && isHere(each)) ?? span.references?.find(isHere);
  return reference ? spanIdOf(reference.spanID) : '';
};
const processOf = (trace: JaegerTrace, span: JaegerSpan) => span.process ?? trace.processes?.[span.processID ?? ''];
// Digits of the decimal number as it is written, to the nano-dollar.
const nanosOf = (value: unknown): number | null =>
  value == null || value === '' ? null : Math.round(Number(value) * 1e9);

// Spans of one id count once; they are ordered by start.
function spansOf(trace: JaegerTrace): JaegerSpan[] {
  return [...new Map(trace.spans.map((span) => [spanIdOf(span.spanID), span])).values()].sort(
    (a, b) => a.startTime - b.startTime,
  );
}

class Texts {
  readonly list: string[] = [];
  private readonly places = new Map<string, number>();
  place(text: string): number {
    if (text === '') return -1;
    let place = this.places.get(text);
    if (place === undefined) {
      place = this.list.length;
      this.places.set(text, place);
      this.list.push(text);
    }
    return place;
  }
}

export function outlineOfJaeger(trace: JaegerTrace): OutlineAnswer {
  const spans = spansOf(trace);
  const places = new Map(spans.map((span, i) => [spanIdOf(span.spanID), i]));
  const start = spans.length > 0 ? spans[0].startTime : 0;
  const [names, roles, services, nodes, agents] = Array.from({ length: 5 }, () => new Texts());
  const missing = new Map<string, number[]>();
  const parents = spans.map((span, i) => {
    const parent = parentOf(trace, span);
    if (parent === '') return -1;
    const place = places.get(parent);
    if (place !== undefined) return place;
    missing.set(parent, [...(missing.get(parent) ?? []), i]);
    return -2;
  });
  return {
    revision: 'file',
    complete: missing.size === 0,
    trace_id: traceId(trace.traceID),
    run: null,
    start_ns: `${start}000`,
    span_ids: spans.map((span) => spanIdOf(span.spanID)).join(''),
    columns: {
      parent: parents,
      name: spans.map((span) => names.place(span.operationName)),
      role: spans.map((span) => roles.place(textOf(span, 'meshflow.role'))),
      service: spans.map((span) => services.place(processOf(trace, span)?.serviceName ?? '')),
      node: spans.map((span) => nodes.place(textOf(span, 'meshflow.node_id'))),
      agent: spans.map((span) => agents.place(textOf(span, 'meshflow.agent_id') || textOf(span, 'gen_ai.agent.name'))),
      kind: spans.map(
        (span) => kNames[span.operationName] ?? kOperations[textOf(span, 'gen_ai.operation.name')] ?? Kind.other,
      ),
      start: spans.map((span) => (span.startTime - start) * 1000),
      duration: spans.map((span) => Math.max(0, span.duration) * 1000),
      status: spans.map((span) =>
        String(tagOf(span, 'error')) === 'true'
          ? Status.error
          : textOf(span, 'otel.status_code') === 'OK'
            ? Status.ok
            : Status.unset,
      ),
      verdict: spans.map((span) => {
        const verdict = textOf(span, 'meshflow.verdict');
        return verdict === '' ? Verdict.none : (kVerdicts[verdict] ?? Verdict.other);
      }),
      cost_nano_usd: spans.map((span) => nanosOf(tagOf(span, 'meshflow.cost_usd'))),
      tokens: spans.map((span) =>
        tagOf(span, 'meshflow.tokens') == null ? null : Number(tagOf(span, 'meshflow.tokens')),
      ),
      flags: spans.map((span) => (span.logs?.length ? Flag.events : 0)),
    },
    names: names.list,
    roles: roles.list,
    services: services.list,
    nodes: nodes.list,
    agents: agents.list,
    events: spans.flatMap((span, i) =>
      (span.logs ?? []).map((log): [number, number] => [i, (log.timestamp - start) * 1000]),
    ),
    links: [],
    missing: [...missing].map(([span_id, children]) => ({ span_id, children })),
  };
}

const kTypes: Record<string, string> = { int64: 'int', float64: 'double', bool: 'bool', binary: 'bytes' };
const attributeOf = (tag: JaegerTag): Attribute => ({
  key: tag.key,
  type: kTypes[tag.type ?? ''] ?? 'string',
  value: typeof tag.value === 'object' ? JSON.stringify(tag.value) : String(tag.value),
});

// Null where the trace has no such span.
export function spanOfJaeger(trace: JaegerTrace, spanId: string): SpanAnswer | null {
  const span = trace.spans.find((each) => spanIdOf(each.spanID) === spanId);
  if (!span) return null;
  const process = processOf(trace, span);
  const parent = parentOf(trace, span);
  return {
    trace_id: traceId(trace.traceID),
    span_id: spanId,
    parent_span_id: parent || null,
    name: span.operationName,
    kind: textOf(span, 'span.kind') || 'unspecified',
    start_ns: `${span.startTime}000`,
    duration_ns: span.duration * 1000,
    service: process?.serviceName ?? null,
    status: {
      code:
        String(tagOf(span, 'error')) === 'true' ? 'error' : textOf(span, 'otel.status_code').toLowerCase() || 'unset',
      message: textOf(span, 'otel.status_description'),
    },
    attributes: (span.tags ?? []).map(attributeOf),
    events: (span.logs ?? []).map((log) => ({
      name: String(log.fields.find((field) => field.key === 'event')?.value ?? 'log'),
      time_ns: `${log.timestamp}000`,
      attributes: log.fields.filter((field) => field.key !== 'event').map(attributeOf),
    })),
    links: (span.references ?? [])
      .filter((each) => spanIdOf(each.spanID) !== parent)
      .map((each) => ({ trace_id: traceId(each.traceID), span_id: spanIdOf(each.spanID), attributes: [] })),
    resource: { attributes: (process?.tags ?? []).map(attributeOf) },
    scope: { name: textOf(span, 'otel.scope.name'), version: textOf(span, 'otel.scope.version') },
    raw: span,
  };
}

// The traces in a file's text, already read as JSON: Jaeger's answers ({"data": […]}), or one trace; null for anything else.
export function jaegerTracesIn(value: unknown): JaegerTrace[] | null {
  const isTrace = (each: unknown): each is JaegerTrace =>
    typeof each === 'object' &&
    each !== null &&
    /^[0-9a-f]{1,32}$/i.test(String((each as JaegerTrace).traceID)) &&
    Array.isArray((each as JaegerTrace).spans) &&
    (each as JaegerTrace).spans.every((span) => typeof span?.spanID === 'string' && Number.isFinite(span?.startTime));
  const list = Array.isArray(value)
    ? value
    : Array.isArray((value as { data?: unknown })?.data)
      ? (value as { data: unknown[] }).data
      : [value];
  return list.length > 0 && list.every(isTrace) ? list : null;
}
