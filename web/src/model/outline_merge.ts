// An outline that grows: what arrived is joined to what there is, and spans that are still open become rows of their own.
import { Flag, type OutlineAnswer } from './outline';

type Columns = OutlineAnswer['columns'];
type ListName = 'names' | 'roles' | 'services' | 'nodes' | 'agents';
const kLists: readonly [ListName, 'name' | 'role' | 'service' | 'node' | 'agent'][] = [
  ['names', 'name'],
  ['roles', 'role'],
  ['services', 'service'],
  ['nodes', 'node'],
  ['agents', 'agent'],
];

const addTo = (list: string[], text: string): number => {
  const found = list.indexOf(text);
  if (found >= 0) return found;
  list.push(text);
  return list.length - 1;
};

// `base` with what `delta` adds; `delta` itself where that is whole; null where it goes on from another revision than
// base's, so that the outline must be read again. Neither is changed.
export function mergeOutline(base: OutlineAnswer, delta: OutlineAnswer): OutlineAnswer | null {
  if (delta.since === undefined) return delta;
  if (delta.since !== String(base.revision)) return null;
  // Both count from the start of the trace, which may have become an earlier one.
  const earlier = Number(BigInt(base.start_ns) - BigInt(delta.start_ns));
  const columns = Object.fromEntries(
    Object.entries(base.columns).map(([name, values]) => [
      name,
      [...(values ?? []), ...(delta.columns[name as keyof Columns] ?? [])],
    ]),
  ) as unknown as Columns;
  const known = base.columns.parent.length;
  if (earlier !== 0) for (let i = 0; i < known; ++i) columns.start[i] += earlier;
  for (const [child, parent] of delta.reparented ?? []) columns.parent[child] = parent;
  const lists = {} as Record<ListName, string[]>;
  for (const [list, column] of kLists) {
    lists[list] = [...(base[list] ?? [])];
    const places = (delta[list] ?? []).map((text) => addTo(lists[list], text));
    const values = columns[column];
    if (values) for (let i = known; i < values.length; ++i) values[i] = values[i] < 0 ? -1 : places[values[i]];
  }
  return {
    ...delta,
    ...lists,
    columns,
    span_ids: base.span_ids + delta.span_ids,
    events: [
      ...(base.events ?? []).map(([span, time]): [number, number] => [span, time + earlier]),
      ...(delta.events ?? []),
    ],
    links: [...(base.links ?? []), ...(delta.links ?? [])],
    since: undefined,
    reparented: undefined,
  };
}

// The answer with a row for each open span behind the others. Those whose parents are unknown stand at the top.
export function withOpenSpans(answer: OutlineAnswer): OutlineAnswer {
  const open = (answer.open ?? []).filter((each) => !hasSpan(answer, each.span_id));
  if (open.length === 0) return answer;
  const start = open.reduce(
    (least, each) => (BigInt(each.start_ns) < least ? BigInt(each.start_ns) : least),
    BigInt(answer.start_ns),
  );
  const earlier = Number(BigInt(answer.start_ns) - start);
  const columns = Object.fromEntries(
    Object.entries(answer.columns).map(([name, values]) => [name, [...(values ?? [])]]),
  ) as unknown as Columns;
  if (earlier !== 0) columns.start = columns.start.map((time) => time + earlier);
  const lists = Object.fromEntries(kLists.map(([list]) => [list, [...(answer[list] ?? [])]])) as Record<
    ListName,
    string[]
  >;
  const places = new Map<string, number>();
  for (let i = 0; i < columns.parent.length; ++i) places.set(answer.span_ids.slice(i * 16, i * 16 + 16), i);
  for (const [i, each] of open.entries()) places.set(each.span_id, answer.columns.parent.length + i);
  for (const each of open) {
    const texts = { name: each.name, role: each.role, service: each.service, node: each.node, agent: each.agent };
    for (const [list, column] of kLists)
      columns[column]?.push(texts[column] === '' ? -1 : addTo(lists[list], texts[column]));
    columns.parent.push(each.parent_span_id === '' ? -1 : (places.get(each.parent_span_id) ?? -2));
    columns.kind.push(each.kind);
    columns.start.push(Number(BigInt(each.start_ns) - start));
    columns.duration.push(0);
    columns.status.push(0);
    columns.verdict.push(0);
    columns.cost_nano_usd.push(null);
    columns.tokens.push(null);
    columns.flags.push(Flag.open);
  }
  const count = columns.parent.length;
  for (const [name, values] of Object.entries(columns)) {
    if (values.length < count)
      (columns as unknown as Record<string, number[]>)[name] = [...values, ...Array(count - values.length).fill(0)];
  }
  // A span that waited for a parent which has begun is below it.
  for (const missing of answer.missing ?? []) {
    const parent = places.get(missing.span_id);
    if (parent !== undefined) for (const child of missing.children) columns.parent[child] = parent;
  }
  return {
    ...answer,
    ...lists,
    columns,
    start_ns: String(start),
    span_ids: answer.span_ids + open.map((each) => each.span_id).join(''),
    events: (answer.events ?? []).map(([span, time]): [number, number] => [span, time + earlier]),
    missing: (answer.missing ?? []).filter((each) => !places.has(each.span_id)),
  };
}

function hasSpan(answer: OutlineAnswer, id: string): boolean {
  for (let at = answer.span_ids.indexOf(id); at >= 0; at = answer.span_ids.indexOf(id, at + 1))
    if (at % 16 === 0) return true;
  return false;
}
