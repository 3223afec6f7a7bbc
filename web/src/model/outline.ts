// A trace's outline as the server sends it (GET /api/meshflow/traces/{id}/outline), and as the screens hold it: typed
// arrays, one place a span. Whole spans are asked for one by one.
import type { Run } from '@/api/types';

export const Kind = { other: 0, run: 1, node: 2, agent: 3, model: 4, tool: 5, gate: 6, policy: 7, ledger: 8 } as const;
export const Status = { unset: 0, ok: 1, error: 2 } as const;
export const Verdict = { none: 0, allowed: 1, blocked: 2, pending: 3, other: 4 } as const;
// ring: its parents are each other's parents; folded: a row that stands for several like-named siblings.
export const Flag = { events: 1, links: 2, dropped: 4, open: 8, content: 16, ring: 32, folded: 64 } as const;

export interface FoldedRow {
  index: number;
  count: number; // spans that the row stands for
  hidden?: number; // those and all below them
  duration_sum: number;
  cost_nano_usd: number | string | null;
  errors?: number;
  blocked?: number;
}

// A parent that spans name and that has not arrived.
export interface MissingParent {
  span_id: string;
  children: number[];
}

export interface OutlineLink {
  from: number;
  to: number; // −1: a span of another trace, or one that has not arrived
  trace_id: string;
  span_id: string;
  type?: string | null;
}

// A span that is known to have begun, and has not arrived.
export interface OpenSpan {
  span_id: string;
  parent_span_id: string; // '' none
  name: string;
  service: string;
  role: string;
  node: string;
  agent: string;
  kind: number;
  start_ns: string;
}

export interface OutlineAnswer {
  revision: string | number;
  since?: string; // the revision that this answer goes on from; absent: it is whole
  reparented?: [number, number][]; // rows before, whose parents came now
  open?: OpenSpan[];
  open_more?: number;
  complete: boolean;
  trace_id?: string;
  run?: Run | null;
  start_ns: string;
  names: string[];
  roles: string[];
  services: string[];
  nodes?: string[];
  agents?: string[];
  span_ids: string;
  columns: {
    parent: number[];
    name: number[];
    role: number[];
    service: number[];
    kind: number[];
    start: number[];
    duration: number[];
    status: number[];
    verdict: number[];
    cost_nano_usd: (number | string | null)[];
    tokens: (number | null)[];
    flags: number[];
    node?: number[];
    agent?: number[];
  };
  events?: [number, number][];
  links?: OutlineLink[];
  missing?: MissingParent[];
  folded?: FoldedRow[];
}

// Immutable. Times are nanoseconds from `startNs`, exact in a double for 104 days.
export interface Outline {
  readonly traceId: string;
  readonly revision: string;
  readonly complete: boolean;
  readonly run: Run | null;
  readonly startNs: bigint;
  readonly count: number;
  readonly names: readonly string[];
  readonly roles: readonly string[];
  readonly services: readonly string[];
  readonly nodes: readonly string[];
  readonly agents: readonly string[];
  readonly parent: Int32Array; // −1 root, −2 named but not arrived
  readonly name: Int32Array;
  readonly role: Int32Array; // −1 none
  readonly service: Int32Array;
  readonly node: Int32Array;
  readonly agent: Int32Array;
  readonly kind: Uint8Array;
  readonly status: Uint8Array;
  readonly verdict: Uint8Array;
  readonly flags: Uint8Array;
  readonly start: Float64Array;
  readonly duration: Float64Array;
  readonly cost: Float64Array; // nano-dollars; NaN none
  readonly tokens: Float64Array; // NaN none
  readonly events: ReadonlyMap<number, readonly number[]>; // span → times of its events
  readonly links: readonly OutlineLink[];
  readonly missing: readonly MissingParent[];
  readonly folded: ReadonlyMap<number, FoldedRow>;
  readonly total: number; // from startNs to the end of the last span
  spanId(index: number): string;
  indexOf(spanId: string): number; // −1: not in this trace
}

export class MalformedOutline extends Error {}

function numbers(values: (number | string | null)[] | undefined, count: number): Float64Array {
  const out = new Float64Array(count).fill(Number.NaN);
  if (values) for (let i = 0; i < count; ++i) out[i] = values[i] == null ? Number.NaN : Number(values[i]);
  return out;
}

const indices = (values: number[] | undefined, count: number) =>
  values ? Int32Array.from(values) : new Int32Array(count).fill(-1);

// Spans that are open last until `nowMs`. Throws MalformedOutline where the columns are not of one length.
export function readOutline(traceId: string, answer: OutlineAnswer, nowMs = Date.now()): Outline {
  const { columns } = answer;
  const count = columns.parent.length;
  for (const [name, column] of Object.entries(columns)) {
    if (column && column.length !== count) {
      throw new MalformedOutline(`the outline's column ${name} has ${column.length} values, not ${count}`);
    }
  }
  if (answer.span_ids.length !== count * 16) {
    throw new MalformedOutline(`the outline's span_ids have ${answer.span_ids.length} digits, not ${count * 16}`);
  }
  const start = Float64Array.from(columns.start);
  const duration = Float64Array.from(columns.duration);
  const now = nowMs * 1e6 - Number(answer.start_ns);
  let total = 0;
  for (let i = 0; i < count; ++i) {
    if (columns.flags[i] & Flag.open) duration[i] = Math.max(0, now - start[i]);
    total = Math.max(total, start[i] + duration[i]);
  }
  const events = new Map<number, number[]>();
  for (const [index, time] of answer.events ?? []) {
    const times = events.get(index);
    if (times) times.push(time);
    else events.set(index, [time]);
  }
  let byId: Map<string, number> | null = null;
  const spanId = (index: number) => answer.span_ids.slice(index * 16, index * 16 + 16);
  return {
    traceId,
    revision: String(answer.revision),
    complete: answer.complete,
    run: answer.run ?? null,
    startNs: BigInt(answer.start_ns),
    count,
    names: answer.names,
    roles: answer.roles,
    services: answer.services,
    nodes: answer.nodes ?? [],
    agents: answer.agents ?? [],
    parent: Int32Array.from(columns.parent),
    name: Int32Array.from(columns.name),
    role: indices(columns.role, count),
    service: indices(columns.service, count),
    node: indices(columns.node, count),
    agent: indices(columns.agent, count),
    kind: Uint8Array.from(columns.kind),
    status: Uint8Array.from(columns.status),
    verdict: Uint8Array.from(columns.verdict),
    flags: Uint8Array.from(columns.flags),
    start,
    duration,
    cost: numbers(columns.cost_nano_usd, count),
    tokens: numbers(columns.tokens, count),
    events,
    links: answer.links ?? [],
    missing: answer.missing ?? [],
    folded: new Map((answer.folded ?? []).map((each) => [each.index, each])),
    total,
    spanId,
    indexOf(id) {
      if (!byId) {
        byId = new Map();
        for (let i = 0; i < count; ++i) byId.set(spanId(i), i);
      }
      return byId.get(id) ?? -1;
    },
  };
}

export const nameOf = (outline: Outline, index: number): string => outline.names[outline.name[index]] ?? '';
export const roleOf = (outline: Outline, index: number): string => outline.roles[outline.role[index]] ?? '';
export const serviceOf = (outline: Outline, index: number): string => outline.services[outline.service[index]] ?? '';
export const nodeOf = (outline: Outline, index: number): string => outline.nodes[outline.node[index]] ?? '';
export const agentOf = (outline: Outline, index: number): string => outline.agents[outline.agent[index]] ?? '';
