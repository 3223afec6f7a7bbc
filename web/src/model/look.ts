// What a span looks like: the glyph of its kind, the colour of its role. Colours are CSS variables (styles/tokens.css);
// the canvas reads them from there.
import { Kind, type Outline, roleOf, serviceOf } from './outline';
import type { Tree } from './tree';

export const kKinds = ['span', 'run', 'node', 'agent', 'model', 'tool', 'gate', 'policy', 'ledger'] as const;
export type KindName = (typeof kKinds)[number];

export const kGlyphs: Record<KindName, string> = {
  span: '▪',
  run: '◉',
  node: '□',
  agent: '●',
  model: '◆',
  tool: '⚙',
  gate: '⛉',
  policy: '§',
  ledger: '▤',
};

export const kindName = (kind: number): KindName => kKinds[kind] ?? 'span';

export const kRoles = ['orchestrator', 'planner', 'researcher', 'executor', 'critic', 'guardian'] as const;

// The CSS variable of a colour: one of the six, or neutral.
export type Tone = (typeof kRoles)[number] | 'neutral';

// Which tone each span has: its role's; a model call's or a tool's is that of the agent it serves; runs, nodes, checks and
// ledger writes are neutral. In a trace without roles the services take the six colours in order of appearance.
export function tonesOf(outline: Outline, tree: Tree): (span: number) => Tone {
  if (outline.roles.length === 0) {
    if (outline.run?.run_id) return () => 'neutral';
    return (span) => kRoles[outline.service[span]] ?? 'neutral';
  }
  const known = outline.roles.map((role) => kRoles[(kRoles as readonly string[]).indexOf(role.toLowerCase())]);
  const toneOfRole = (span: number): Tone => known[outline.role[span]] ?? 'neutral';
  return (span) => {
    const kind = outline.kind[span];
    if (kind === Kind.run || kind === Kind.node || kind === Kind.policy || kind === Kind.ledger) return 'neutral';
    if (outline.role[span] >= 0 || !isOutlined(kind)) return toneOfRole(span);
    let above = tree.parent[span];
    while (above >= 0 && outline.kind[above] !== Kind.agent && outline.kind[above] !== Kind.node)
      above = tree.parent[above];
    return above >= 0 ? toneOfRole(above) : 'neutral';
  };
}

// Two letters for a role that has no colour of its own.
export function initials(outline: Outline, span: number): string {
  const role = roleOf(outline, span);
  if (role === '' || (kRoles as readonly string[]).includes(role.toLowerCase())) return '';
  return role.slice(0, 2).toUpperCase();
}

// Model calls and tools are outlined in their agent's colour instead of filled.
export const isOutlined = (kind: number): boolean => kind === Kind.model || kind === Kind.tool;

export const hasRoles = (outline: Outline): boolean => outline.roles.length > 0;
export const labelOf = (outline: Outline, span: number): string => roleOf(outline, span) || serviceOf(outline, span);
