// One trace as its screens share it: what follows from the outline, and what a person has chosen. What was chosen is in the
// address too, a moment later (browsers limit how often it may change).
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { query, setQuery } from '@/app/location';
import { criticalPath, type Stretch } from '@/model/critical_path';
import { findReadyMade, findText, isTraceQl } from '@/model/find';
import { type Tone, tonesOf } from '@/model/look';
import { type Outline, Status, Verdict } from '@/model/outline';
import { findParallel, type Parallel } from '@/model/parallel';
import { type Break, findBreaks, type TimeAxis, timeAxis } from '@/model/time_axis';
import { readTrace, type TraceState, writeTrace } from '@/model/trace_url';
import { ancestorsOf, buildTree, type Tree, visibleSpans } from '@/model/tree';

export interface TraceModel {
  readonly outline: Outline;
  readonly tree: Tree;
  readonly parallel: Parallel;
  readonly tone: (span: number) => Tone;
  readonly roots: readonly number[];
  readonly root: number; // the one that the trace is named after: the longest; −1: no span
  readonly errors: number;
  readonly blocked: number;
  readonly trouble: Uint8Array; // 1 where a span below has an error or was blocked
  readonly breaks: readonly Break[]; // all there are
  critical(): readonly Stretch[];

  readonly state: ReadonlySignal<TraceState>;
  readonly selected: ReadonlySignal<number>; // −1 none
  readonly following: Signal<boolean>; // live: the newest span is kept in sight, until one scrolls
  readonly collapsed: Signal<ReadonlySet<number>>;
  readonly unfolded: Signal<ReadonlySet<Break>>;
  readonly axis: ReadonlySignal<TimeAxis>;
  readonly visible: ReadonlySignal<Int32Array>; // row → span
  readonly rowOf: ReadonlySignal<Int32Array>; // span → row; −1 hidden
  // What Find matched, in order of the tree; null: nothing is looked for. `serverMatches` is what the server answered.
  readonly matches: ReadonlySignal<readonly number[] | null>;
  readonly isMatch: ReadonlySignal<Uint8Array | null>;
  readonly serverMatches: Signal<{ text: string; spans: readonly number[] } | null>;

  change(part: Partial<TraceState>): void;
  select(span: number): void; // shows it too, whatever is collapsed above it; −1 none
  close(): void;
}

const kWriteAfterMs = 200;

// `before`: the same trace as it was, whose choices go on.
export function createTraceModel(outline: Outline, before: TraceModel | null = null): TraceModel {
  const tree = buildTree(outline);
  const roots: number[] = [];
  for (let at = 0; at < tree.count; at = tree.end[at]) roots.push(tree.order[at]);
  let root = -1;
  for (const each of roots) {
    const isBetter = root < 0 || (outline.parent[each] === -1) > (outline.parent[root] === -1);
    if (isBetter || (outline.parent[each] === outline.parent[root] && outline.duration[each] > outline.duration[root]))
      root = each;
  }
  const { trouble, errors, blocked } = troubleOf(outline, tree);
  const breaks = findBreaks(outline, tree);
  let path: readonly Stretch[] | null = null;
  const critical = () => {
    path ??= root < 0 ? [] : criticalPath(tree, outline, root);
    return path;
  };

  const state = signal(before?.state.peek() ?? readTrace(query.peek()));
  const selected = computed(() => (state.value.span === '' ? -1 : outline.indexOf(state.value.span)));
  const collapsed = signal<ReadonlySet<number>>(before ? sameSpans(before, outline) : new Set());
  const unfolded = signal<ReadonlySet<Break>>(before && before.unfolded.peek().size > 0 ? new Set(breaks) : new Set());
  const axis = computed(() =>
    timeAxis(
      outline.total,
      breaks.filter((each) => !unfolded.value.has(each)),
    ),
  );
  const visible = computed(() => visibleSpans(tree, collapsed.value));
  const rowOf = computed(() => {
    const rows = new Int32Array(outline.count).fill(-1);
    visible.value.forEach((span, row) => {
      rows[span] = row;
    });
    return rows;
  });
  const following = before?.following ?? signal(true);
  const serverMatches = signal<{ text: string; spans: readonly number[] } | null>(null);
  const find = computed(() => state.value.find);
  const matches = computed<readonly number[] | null>(() => {
    const text = find.value.trim();
    if (text === '') return null;
    const found = new Set(findReadyMade(outline, critical, text) ?? (isTraceQl(text) ? [] : findText(outline, text)));
    if (serverMatches.value?.text === text) for (const span of serverMatches.value.spans) found.add(span);
    return [...found].sort((a, b) => tree.place[a] - tree.place[b]);
  });
  const isMatch = computed(() => {
    if (matches.value === null) return null;
    const marks = new Uint8Array(outline.count);
    for (const span of matches.value) marks[span] = 1;
    return marks;
  });

  let timer: ReturnType<typeof setTimeout> | undefined;
  let written = query.peek().toString();
  const write = () => {
    const next = writeTrace(state.peek(), query.peek());
    written = next.toString();
    setQuery(next, { replace: true });
  };
  if (before) timer = setTimeout(write, kWriteAfterMs); // what the one before had not written yet
  const stop = effect(() => {
    const now = query.value;
    if (now.toString() === written) return;
    written = now.toString();
    clearTimeout(timer);
    state.value = readTrace(now);
  });
  const change = (part: Partial<TraceState>) => {
    state.value = { ...state.peek(), ...part };
    clearTimeout(timer);
    if (part.view === undefined) {
      timer = setTimeout(write, kWriteAfterMs);
    } else {
      // Another view is another place to come back to.
      const next = writeTrace(state.peek(), query.peek());
      written = next.toString();
      setQuery(next);
    }
  };
  const select = (span: number) => {
    batch(() => {
      if (span >= 0) {
        const hiding = ancestorsOf(tree, span).filter((above) => collapsed.peek().has(above));
        if (hiding.length > 0) {
          const next = new Set(collapsed.peek());
          for (const above of hiding) next.delete(above);
          collapsed.value = next;
        }
      }
      change({ span: span < 0 ? '' : outline.spanId(span) });
    });
  };
  const close = () => {
    clearTimeout(timer);
    stop();
  };
  return {
    outline,
    tree,
    parallel: findParallel(tree, outline),
    tone: tonesOf(outline, tree),
    roots,
    root,
    errors,
    blocked,
    trouble,
    breaks,
    critical,
    state,
    selected,
    following,
    collapsed,
    unfolded,
    axis,
    visible,
    rowOf,
    matches,
    isMatch,
    serverMatches,
    change,
    select,
    close,
  };
}

// The spans that were collapsed, in an outline that has grown since.
function sameSpans(before: TraceModel, outline: Outline): ReadonlySet<number> {
  const spans = [...before.collapsed.peek()].map((span) => outline.indexOf(before.outline.spanId(span)));
  return new Set(spans.filter((span) => span >= 0));
}

function troubleOf(outline: Outline, tree: Tree) {
  const trouble = new Uint8Array(outline.count);
  let errors = 0;
  let blocked = 0;
  for (let at = tree.count - 1; at >= 0; --at) {
    const span = tree.order[at];
    const isError = outline.status[span] === Status.error;
    const isBlocked = outline.verdict[span] === Verdict.blocked;
    if (isError) ++errors;
    if (isBlocked) ++blocked;
    const above = tree.parent[span];
    if (above >= 0 && (isError || isBlocked || trouble[span])) trouble[above] = 1;
  }
  return { trouble, errors, blocked };
}

export const isTroubled = (outline: Outline, span: number): boolean =>
  outline.status[span] === Status.error || outline.verdict[span] === Verdict.blocked;
