// What Find matches without asking the server: text in what the outline holds, and the ready-made ones. Attributes and
// TraceQL are the server's (GET …/find).
import type { Stretch } from './critical_path';
import { agentOf, nameOf, nodeOf, type Outline, roleOf, Status, serviceOf, Verdict } from './outline';

export const isTraceQl = (text: string): boolean => text.trimStart().startsWith('{');

// Spans that one of the ready-made names means; null where `text` is none of them.
export function findReadyMade(outline: Outline, critical: () => readonly Stretch[], text: string): number[] | null {
  const all = (fits: (span: number) => boolean) => {
    const out: number[] = [];
    for (let i = 0; i < outline.count; ++i) if (fits(i)) out.push(i);
    return out;
  };
  switch (text.trim().toLowerCase()) {
    case 'errors':
      return all((span) => outline.status[span] === Status.error);
    case 'blocked':
      return all((span) => outline.verdict[span] === Verdict.blocked);
    case 'critical path':
      return [...new Set(critical().map((each) => each.span))].sort((a, b) => a - b);
    case 'slowest 10':
      return all(() => true)
        .sort((a, b) => outline.duration[b] - outline.duration[a] || a - b)
        .slice(0, 10);
    default:
      return null;
  }
}

// Spans whose name, agent, role, node, service or id contains the text, whatever its case.
export function findText(outline: Outline, text: string): number[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return [];
  const fits = (texts: readonly string[]) => texts.map((each) => each.toLowerCase().includes(wanted));
  const names = fits(outline.names);
  const roles = fits(outline.roles);
  const services = fits(outline.services);
  const nodes = fits(outline.nodes);
  const agents = fits(outline.agents);
  const maybeId = /^[0-9a-f]{4,16}$/.test(wanted);
  const out: number[] = [];
  for (let i = 0; i < outline.count; ++i) {
    if (
      names[outline.name[i]] ||
      roles[outline.role[i]] ||
      services[outline.service[i]] ||
      nodes[outline.node[i]] ||
      agents[outline.agent[i]] ||
      (maybeId && outline.spanId(i).startsWith(wanted))
    ) {
      out.push(i);
    }
  }
  return out;
}

// A span in words, for lists.
export function describe(outline: Outline, span: number): string {
  const parts = [nameOf(outline, span), nodeOf(outline, span), agentOf(outline, span), roleOf(outline, span)];
  return [...new Set(parts.filter((each) => each !== ''))].join(' ') || serviceOf(outline, span);
}
