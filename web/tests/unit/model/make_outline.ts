// Outlines for tests, from a few words a span.
import { Kind, type Outline, type OutlineAnswer, readOutline } from '@/model/outline';

export interface SpanWords {
  parent?: number;
  name?: string;
  role?: string;
  service?: string;
  node?: string;
  kind?: number;
  start?: number;
  duration?: number;
  status?: number;
  verdict?: number;
  cost?: number | null;
  flags?: number;
}

export function answerOf(spans: SpanWords[], more: Partial<OutlineAnswer> = {}): OutlineAnswer {
  const names: string[] = [];
  const roles: string[] = [];
  const services: string[] = [];
  const nodes: string[] = [];
  const index = (list: string[], text: string | undefined) => {
    if (text === undefined) return -1;
    if (!list.includes(text)) list.push(text);
    return list.indexOf(text);
  };
  return {
    revision: '1',
    complete: true,
    run: null,
    start_ns: '1764000000000000000',
    names,
    roles,
    services,
    nodes,
    agents: [],
    span_ids: spans.map((_, i) => (i + 1).toString(16).padStart(16, '0')).join(''),
    columns: {
      parent: spans.map((span) => span.parent ?? -1),
      name: spans.map((span, i) => index(names, span.name ?? `span ${i}`)),
      role: spans.map((span) => index(roles, span.role)),
      service: spans.map((span) => index(services, span.service)),
      node: spans.map((span) => index(nodes, span.node)),
      agent: spans.map(() => -1),
      kind: spans.map((span) => span.kind ?? Kind.other),
      start: spans.map((span) => span.start ?? 0),
      duration: spans.map((span) => span.duration ?? 1),
      status: spans.map((span) => span.status ?? 0),
      verdict: spans.map((span) => span.verdict ?? 0),
      cost_nano_usd: spans.map((span) => span.cost ?? null),
      tokens: spans.map(() => null),
      flags: spans.map((span) => span.flags ?? 0),
    },
    ...more,
  };
}

export const makeOutline = (spans: SpanWords[], more: Partial<OutlineAnswer> = {}): Outline =>
  readOutline('4a000000000000000000000000000001', answerOf(spans, more));
