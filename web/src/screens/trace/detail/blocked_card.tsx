// What a blocked span begins with: gate, rule, threshold, value, reason, and what followed.
import type { Attribute, SpanAnswer } from '@/api/types';
import { nameOf, nodeOf, type Outline, Verdict } from '@/model/outline';
import type { Tree } from '@/model/tree';
import { duration } from '@/model/units';
import { Text, Value } from '@/ui/text';
import type { TraceModel } from '../model';
import { textOf } from './attributes';

const kFacts = [
  ['Gate', 'meshflow.gate.name'],
  ['Rule', 'meshflow.rule_id'],
  ['Threshold', 'meshflow.gate.threshold'],
  ['Value', 'meshflow.gate.value'],
  ['Reason', 'meshflow.block_reason'],
] as const;

export function BlockedCard({ model, span, whole }: { model: TraceModel; span: number; whole: SpanAnswer }) {
  const { outline } = model;
  const textFor = (key: string): string | null => {
    const found = whole.attributes.find((each: Attribute) => each.key === key);
    return found ? textOf(found) : null;
  };
  if (outline.verdict[span] !== Verdict.blocked) return null;
  const next = followedBy(outline, model.tree, span);
  return (
    <section class="blocked-card" aria-label="Why this span was blocked">
      <h3>
        <span aria-hidden="true">⊘</span> Blocked
      </h3>
      <dl>
        {kFacts.map(([name, key]) => {
          const value = textFor(key);
          return (
            value !== null && (
              <div key={key}>
                <dt>{name}</dt>
                <dd>
                  <Value text={value} />
                </dd>
              </div>
            )
          );
        })}
        <div>
          <dt>Followed by</dt>
          <dd>
            {next < 0 ? (
              'nothing: the run stopped here'
            ) : (
              <button type="button" class="link" onClick={() => model.select(next)}>
                <Text text={`${nameOf(outline, next)} ${nodeOf(outline, next)}`.trim()} max={120} /> +
                {duration(outline.start[next])}
              </button>
            )}
          </dd>
        </div>
      </dl>
    </section>
  );
}

// The first span of another node that began when the blocked one had ended; −1: there is none.
export function followedBy(outline: Outline, tree: Tree, span: number): number {
  const end = outline.start[span] + outline.duration[span];
  const mine = outline.node[span];
  let best = -1;
  for (let each = 0; each < outline.count; ++each) {
    if (outline.start[each] < end || each === span) continue;
    if (mine >= 0 && (outline.node[each] === mine || outline.node[each] < 0)) continue;
    if (isBelow(tree, each, span)) continue;
    const isEarlier = best < 0 || outline.start[each] < outline.start[best];
    if (isEarlier || (outline.start[each] === outline.start[best] && tree.depth[each] < tree.depth[best])) best = each;
  }
  return best;
}

const isBelow = (tree: Tree, span: number, above: number): boolean =>
  tree.place[span] > tree.place[above] && tree.place[span] < tree.end[tree.place[above]];
