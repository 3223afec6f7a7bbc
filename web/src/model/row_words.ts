// What a row of the waterfall says to those who do not see its glyphs and its bar.
import { kindName } from './look';
import { agentOf, Flag, nameOf, nodeOf, type Outline, roleOf, Status, Verdict } from './outline';
import { plain, shortened } from './text';
import { duration, money } from './units';

// "meshflow.agent draft, executor, starts at 412 ms, takes 61.2 ms, ∥ 4, blocked, error, $0.001017".
export function rowWords(outline: Outline, span: number, together: number, hidden: number): string {
  const words = [
    titleOf(outline, span),
    roleOf(outline, span) || kindName(outline.kind[span]),
    `starts at ${duration(outline.start[span])}`,
    outline.flags[span] & Flag.open ? 'still running' : `takes ${duration(outline.duration[span])}`,
  ];
  if (together > 1) words.push(`∥ ${together} in parallel`);
  if (outline.verdict[span] === Verdict.blocked) words.push('blocked');
  if (outline.verdict[span] === Verdict.pending) words.push('waits for a person');
  if (outline.status[span] === Status.error) words.push('error');
  if (!Number.isNaN(outline.cost[span])) words.push(money(outline.cost[span]));
  if (hidden > 0) words.push(`${hidden} hidden below`);
  return words.join(', ');
}

// Name and node, with the node left out where the name says it already.
export function titleOf(outline: Outline, span: number): string {
  const name = plain(shortened(nameOf(outline, span), 300));
  const node = plain(shortened(nodeOf(outline, span) || agentOf(outline, span), 100));
  return node !== '' && !name.includes(node) ? `${name} ${node}` : name || '(no name)';
}
