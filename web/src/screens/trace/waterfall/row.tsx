// One row: the span's place in the tree. Its bar is the canvas's.
import { rowHeight } from '@/app/settings';
import { initials } from '@/model/look';
import { agentOf, Flag, nameOf, nodeOf, roleOf, Status, serviceOf, Verdict } from '@/model/outline';
import { rowWords } from '@/model/row_words';
import { countBelow } from '@/model/tree';
import { count, money } from '@/model/units';
import { KindGlyph } from '@/ui/marks';
import { Text } from '@/ui/text';
import type { TraceModel } from '../model';

export const kIndent = 14;
const kGutter = 26; // where brackets of parallel siblings stand

interface Props {
  model: TraceModel;
  span: number;
  row: number;
  isSelected: boolean;
  shift: number; // px that the tree is scrolled sideways
  onToggle: (span: number) => void;
}

export const rowId = (span: number) => `span-${span}`;

export function Row({ model, span, row, isSelected, shift, onToggle }: Props) {
  const { outline, tree } = model;
  const isParent = tree.firstChild[span] >= 0;
  const isCollapsed = isParent && model.collapsed.value.has(span);
  const below = countBelow(tree, span);
  const group = model.parallel.groupOf[span];
  const together = group < 0 ? 0 : model.parallel.groups[group].spans.length;
  const isMatch = model.isMatch.value;
  const isBlocked = outline.verdict[span] === Verdict.blocked;
  const isPending = outline.verdict[span] === Verdict.pending;
  const isError = outline.status[span] === Status.error;
  const classes = [
    'row',
    isSelected ? 'selected' : '',
    isError || isBlocked ? 'troubled' : '',
    isMatch && !isMatch[span] ? 'dim' : '',
  ];
  const folded = outline.folded.get(span);
  const offset = tree.depth[span] * kIndent - shift;
  return (
    <div
      id={rowId(span)}
      class={classes.join(' ')}
      role="row"
      data-span={span}
      style={{ top: `${row * rowHeight()}px` }}
      aria-level={tree.depth[span] + 1}
      aria-posinset={tree.position[span]}
      aria-setsize={tree.siblings[span]}
      aria-rowindex={row + 2}
      aria-expanded={isParent ? !isCollapsed : undefined}
      aria-selected={isSelected}
      aria-label={rowWords(outline, span, together, isCollapsed ? below : 0)}
    >
      <div class="tree-cell" role="gridcell">
        <Bracket model={model} span={span} row={row} />
        <div class="tree-inner" style={offset < 0 ? { marginLeft: `${offset}px` } : undefined}>
          <span
            class="guides"
            style={{ width: `${Math.max(0, offset)}px`, backgroundPositionX: `${-(shift % kIndent)}px` }}
          />
          {isParent ? (
            <button
              type="button"
              class="arrow"
              tabIndex={-1}
              aria-hidden="true"
              onClick={(event) => {
                event.stopPropagation();
                onToggle(span);
              }}
            >
              {isCollapsed ? '▸' : '▾'}
            </button>
          ) : (
            <span class="arrow" />
          )}
          {isCollapsed && <span class="hidden-count">{count(below)}</span>}
          {isCollapsed && model.trouble[span] === 1 && !isError && !isBlocked && (
            <span class="hollow" title="an error or a block below">
              ⚠
            </span>
          )}
          {isBlocked ? (
            <span class="mark">⊘</span>
          ) : isError ? (
            <span class="mark">⚠</span>
          ) : isPending ? (
            <span class="mark pending">‖</span>
          ) : null}
          <KindGlyph kind={outline.kind[span]} tone={model.tone(span)} />
          <span class="name">
            <Text text={nameOf(outline, span) || '(no name)'} max={200} />
          </span>
          {folded && <span class="hidden-count">× {count(folded.count)}</span>}
          <Details model={model} span={span} />
          {(outline.flags[span] & Flag.open) !== 0 && <span class="open-mark">running</span>}
        </div>
        {!Number.isNaN(outline.cost[span]) && <span class="cost">{money(outline.cost[span])}</span>}
      </div>
      <div class="bar-cell" role="gridcell" />
    </div>
  );
}

// Node, agent and role, or in a foreign trace the service.
function Details({ model, span }: { model: TraceModel; span: number }) {
  const { outline } = model;
  const node = nodeOf(outline, span);
  const agent = agentOf(outline, span);
  const role = roleOf(outline, span);
  const letters = initials(outline, span);
  const words = [node, agent !== node ? agent : ''].filter((each) => each !== '');
  if (words.length === 0 && role === '' && outline.services.length > 1) words.push(serviceOf(outline, span));
  return (
    <span class="row-details">
      {words.map((word) => (
        <span class="node" key={word}>
          <Text text={word} max={80} />
        </span>
      ))}
      {role !== '' && (
        <span class="role">
          {letters !== '' && <span class="letters">{letters}</span>}
          <Text text={role} max={40} />
        </span>
      )}
    </span>
  );
}

// The part of a bracket that a row holds: one end of it, or the line between the ends.
function Bracket({ model, span, row }: { model: TraceModel; span: number; row: number }) {
  const groups = bracketsAt(model, span, row);
  if (groups.length === 0) return <span class="gutter" />;
  return (
    <span class="gutter">
      {groups.slice(0, 2).map(({ part, size }, i) => (
        <span class={`bracket bracket-${part}`} style={{ left: `${kGutter - 6 - i * 5}px` }} key={i}>
          {part === 'first' && i === 0 ? <span class="together">∥ {size}</span> : null}
        </span>
      ))}
    </span>
  );
}

type Part = 'first' | 'last' | 'middle';

// Of the innermost groups of parallel siblings whose rows this one is between, the span's own first.
function bracketsAt(model: TraceModel, span: number, row: number): { part: Part; size: number }[] {
  const { tree, parallel } = model;
  const rowOf = model.rowOf.value;
  const out: { part: Part; size: number }[] = [];
  for (let each = span; each >= 0 && out.length < 2; each = tree.parent[each]) {
    const group = parallel.groupOf[each];
    if (group < 0) continue;
    const { spans } = parallel.groups[group];
    const [first, last] = [rowOf[spans[0]], rowOf[spans[spans.length - 1]]];
    if (row === first) out.push({ part: 'first', size: spans.length });
    else if (row === last) out.push({ part: 'last', size: spans.length });
    else if (row > first && row < last) out.push({ part: 'middle', size: spans.length });
  }
  return out;
}
