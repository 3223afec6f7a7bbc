// What was blocked, from the spans that a TraceQL search finds: agents whose verdict is `blocked`, with the gate below them
// that said so; and gates that blocked something else (a person's "no", say).
import { labelText, type MetricValue } from './series';

interface Found {
  readonly traceID: string;
  readonly spanSets?: readonly {
    readonly spans?: readonly {
      readonly spanID: string;
      readonly name?: string;
      readonly startTimeUnixNano?: string;
      readonly durationNanos?: string;
      readonly attributes?: readonly { readonly key: string; readonly value?: MetricValue }[];
    }[];
  }[];
}

export interface Block {
  readonly traceId: string;
  readonly spanId: string;
  readonly startNs: bigint;
  readonly runId: string;
  readonly node: string;
  readonly role: string;
  readonly agent: string;
  readonly gate: string;
  readonly rule: string;
  readonly reason: string;
  readonly value: string;
  readonly threshold: string;
  readonly followed: string; // a node; "rejected" by a person, or "stopped"
}

const kFields = [
  'name',
  'span.meshflow.verdict',
  'span.meshflow.run_id',
  'span.meshflow.node_id',
  'span.meshflow.role',
  'span.meshflow.agent_id',
  'span.meshflow.gate.name',
  'span.meshflow.gate.value',
  'span.meshflow.gate.threshold',
  'span.meshflow.gate_result',
  'span.meshflow.rule_id',
  'span.meshflow.block_reason',
  'span.meshflow.route',
];

// Blocked spans, and nodes that have a route: the way that was taken after a block.
export const kBlocksQuery = `{ span.meshflow.verdict = "blocked" || span.meshflow.gate_result = "blocked" || span.meshflow.route != nil } | select(${kFields.join(', ')})`;

interface Span {
  readonly id: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly fields: Readonly<Record<string, string>>;
}

// The key as the span has it, whatever scope the answer writes before it.
const bare = (key: string) => key.replace(/^(span|resource)\./, '');

function spansOf(trace: Found): Span[] {
  const byId = new Map<string, Span>();
  for (const set of trace.spanSets ?? []) {
    for (const span of set.spans ?? []) {
      const start = BigInt(span.startTimeUnixNano ?? 0);
      const fields = Object.fromEntries((span.attributes ?? []).map((each) => [bare(each.key), labelText(each.value)]));
      if (span.name !== undefined) fields.name = span.name;
      byId.set(span.spanID, { id: span.spanID, start, end: start + BigInt(span.durationNanos ?? 0), fields });
    }
  }
  return [...byId.values()].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

// Newest first.
export function blocksOf(traces: readonly Found[]): Block[] {
  const blocks = traces.flatMap(blocksIn);
  return blocks.sort((a, b) => (a.startNs > b.startNs ? -1 : a.startNs < b.startNs ? 1 : 0));
}

function blocksIn(trace: Found): Block[] {
  const spans = spansOf(trace);
  const agents = spans.filter((span) => span.fields['meshflow.verdict'] === 'blocked');
  const gates = spans.filter(
    (span) => span.fields['meshflow.gate_result'] === 'blocked' && span.fields['meshflow.verdict'] !== 'blocked',
  );
  const routes = spans.filter((span) => (span.fields['meshflow.route'] ?? '') !== '');
  const gateOf = new Map<Span, Span>();
  const left: Span[] = [];
  for (const gate of gates) {
    // The gate of an agent stands in the same node, at or after the agent's start, before the next agent of that node.
    const mine = agents.filter((agent) => sameNode(agent, gate) && agent.start <= gate.start);
    const agent = mine[mine.length - 1];
    if (!agent) left.push(gate);
    else if (!gateOf.has(agent)) gateOf.set(agent, gate);
  }
  const make = (span: Span, gate: Span | undefined): Block => {
    const from = (key: string) => span.fields[key] || gate?.fields[key] || '';
    const node = routes.find((each) => sameNode(each, span) && each.start <= span.start && each.end >= span.start);
    const gateName = from('meshflow.gate.name');
    return {
      traceId: trace.traceID,
      spanId: span.id,
      startNs: span.start,
      runId: from('meshflow.run_id'),
      node: from('meshflow.node_id'),
      role: from('meshflow.role'),
      agent: from('meshflow.agent_id'),
      gate: gateName,
      rule: from('meshflow.rule_id'),
      reason: from('meshflow.block_reason'),
      value: from('meshflow.gate.value'),
      threshold: from('meshflow.gate.threshold'),
      followed: node?.fields['meshflow.route'] ?? (gateName === 'human' ? 'rejected' : 'stopped'),
    };
  };
  return [...agents.map((agent) => make(agent, gateOf.get(agent))), ...left.map((gate) => make(gate, undefined))];
}

const sameNode = (a: Span, b: Span) => a.fields['meshflow.node_id'] === b.fields['meshflow.node_id'];

export interface BlocksFilter {
  readonly rule: string | null; // null: all
  readonly role: string | null;
}

export const filterBlocks = (blocks: readonly Block[], { rule, role }: BlocksFilter): Block[] =>
  blocks.filter((block) => (rule === null || block.rule === rule) && (role === null || block.role === role));

// Most frequent first; the order of the newest where they are as many.
export function countBy(blocks: readonly Block[], field: 'rule' | 'role'): { name: string; blocks: Block[] }[] {
  const groups = new Map<string, Block[]>();
  for (const block of blocks) {
    const members = groups.get(block[field]);
    if (members) members.push(block);
    else groups.set(block[field], [block]);
  }
  return [...groups]
    .map(([name, members]) => ({ name, blocks: members }))
    .sort((a, b) => b.blocks.length - a.blocks.length);
}
