// Agent graph: how did the work flow between agents, gates and loops?
import { useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import { useKeys } from '@/app/keys';
import { query, setParameters } from '@/app/location';
import { agentGraph, type GraphBox } from '@/model/agent_graph';
import { plain, shortened } from '@/model/text';
import { count, duration, money } from '@/model/units';
import { FiguresTable } from '@/ui/figures_table';
import { ArrowHead } from '@/ui/graph/arrow_head';
import { layOut, pathThrough } from '@/ui/graph/layout';
import { savePicture } from '@/ui/save_picture';
import { Empty, Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import '@/styles/panels.css';
import '@/styles/services.css';
import '@/styles/graph.css';
import type { TraceModel } from '../model';

const kRunBoxesMax = 120; // as it ran; above, it opens aggregated
const kBoxesMax = 300; // above, the table says it
const kHeight = 44;
const kNameMax = 26;

export default function GraphView({ model }: { model: TraceModel }) {
  const { outline, tree } = model;
  const isTable = useSignal(false);
  const drawing = useRef<SVGSVGElement>(null);
  const asRan = useMemo(() => agentGraph(outline, tree, false), [outline]);
  const isTooLong = asRan.boxes.length > kRunBoxesMax;
  const isAggregated = isTooLong || query.value.get('graph') !== 'ran';
  const graph = useMemo(() => (isAggregated ? agentGraph(outline, tree, true) : asRan), [outline, isAggregated]);
  const isTooLarge = graph.boxes.length > kBoxesMax;
  const layout = useMemo(
    () =>
      isTooLarge
        ? null
        : layOut(
            graph.boxes.map((box) => ({ id: box.id, width: widthOf(box), height: kHeight })),
            graph.arrows.map((arrow, i) => ({
              id: String(i),
              from: arrow.from,
              to: arrow.to,
              labelWidth: labelOf(arrow).length * 6.5,
            })),
          ),
    [graph],
  );
  const choose = (aggregated: boolean) => setParameters({ graph: aggregated ? null : 'ran' });
  useKeys(
    () => [
      {
        keys: 't',
        does: 'the graph as a table',
        group: 'Agent graph',
        run: () => {
          isTable.value = !isTable.peek();
        },
      },
    ],
    [],
  );
  if (graph.boxes.length === 0) return <Empty title="No spans yet" />;
  const selected = model.selected.value;
  const loops = graph.boxes.filter((box) => box.spans.length > 1).length;
  return (
    <div class="agent-graph">
      <div class="screen-bar">
        <span role="group" aria-label="Boxes" class="view-choice">
          <button type="button" class="link" aria-pressed={isAggregated} onClick={() => choose(true)}>
            a box a {graph.of === 'nodes' ? 'node' : graph.of === 'agents' ? 'agent' : 'name'}
          </button>
          <button
            type="button"
            class="link"
            aria-pressed={!isAggregated}
            disabled={isTooLong}
            title={isTooLong ? `${count(asRan.boxes.length)} executions are more than a picture shows well` : undefined}
            onClick={() => choose(false)}
          >
            as it ran
          </button>
        </span>
        <span class="detail">
          {count(graph.boxes.length)} boxes{loops > 0 ? `, ${count(loops)} ran more than once` : ''};{' '}
          {graph.of === 'spans'
            ? 'an arrow leads from a span to those below it'
            : 'an arrow leads from what had ended last to what began then'}
        </span>
        <span class="gap" />
        {isTooLarge && <Partial>more than {kBoxesMax} boxes: the table has them all</Partial>}
        {layout && !isTable.value && (
          <button
            type="button"
            class="link"
            aria-label="The graph as PNG"
            onClick={() => drawing.current && savePicture(`graph-${model.outline.traceId}`, drawing.current)}
          >
            PNG
          </button>
        )}
        <button
          type="button"
          class="link"
          aria-pressed={isTable.value}
          onClick={() => {
            isTable.value = !isTable.value;
          }}
        >
          {isTable.value ? 'Graph' : 'Table'} <kbd>t</kbd>
        </button>
      </div>
      {isTable.value || !layout ? (
        <GraphTable graph={graph} model={model} />
      ) : (
        <div class="graph-scroll">
          <svg
            ref={drawing}
            width={layout.width}
            height={layout.height}
            viewBox={`0 0 ${layout.width} ${layout.height}`}
            role="group"
            aria-label={`${graph.boxes.length} boxes and ${graph.arrows.length} arrows; the table says the same (t)`}
          >
            <defs>
              <ArrowHead id="hand-over-end" class="graph-arrow" />
              <ArrowHead id="block-end" class="graph-arrow-block" />
            </defs>
            {graph.arrows.map((arrow, i) => {
              const { points, label } = layout.arrows.get(String(i))!;
              return (
                <g key={`${arrow.from}\n${arrow.to}\n${arrow.isBlock}`}>
                  <path
                    class={arrow.isBlock ? 'graph-line block' : 'graph-line'}
                    d={pathThrough(points)}
                    marker-end={arrow.isBlock ? 'url(#block-end)' : 'url(#hand-over-end)'}
                  />
                  {label && (
                    <text
                      class={arrow.isBlock ? 'graph-label bad' : 'graph-label'}
                      x={label.x}
                      y={label.y + 4}
                      text-anchor="middle"
                    >
                      {labelOf(arrow)}
                    </text>
                  )}
                </g>
              );
            })}
            {graph.boxes.map((box) => (
              <BoxOf
                key={box.id}
                box={box}
                model={model}
                place={layout.boxes.get(box.id)!}
                isSelected={selected >= 0 && (box.spans.includes(selected) || isBelow(model, selected, box))}
              />
            ))}
          </svg>
        </div>
      )}
    </div>
  );
}

const labelOf = (arrow: { count: number; isBlock: boolean }): string =>
  `${arrow.isBlock ? '⊘ blocked' : ''}${arrow.count > 1 ? ` × ${count(arrow.count)}` : ''}`.trim();

const factsOf = (box: GraphBox): string =>
  [duration(box.duration), Number.isNaN(box.cost) ? '' : money(box.cost)].filter((each) => each !== '').join(' · ');

const titleOf = (box: GraphBox): string =>
  `${shortened(plain(box.label || '(no name)'), kNameMax)}${box.spans.length > 1 ? ` × ${count(box.spans.length)}` : ''}`;

const widthOf = (box: GraphBox): number =>
  Math.max(112, titleOf(box).length * 7.4 + 36, factsOf(box).length * 6.3 + 36);

// Whether the selected span is this box's own: below it, and not below a box within.
function isBelow(model: TraceModel, span: number, box: GraphBox): boolean {
  const { tree } = model;
  return box.spans.some((top) => tree.place[span] >= tree.place[top] && tree.place[span] < tree.end[tree.place[top]]);
}

interface BoxProps {
  box: GraphBox;
  model: TraceModel;
  place: { x: number; y: number };
  isSelected: boolean;
}

function BoxOf({ box, model, place, isSelected }: BoxProps) {
  const width = widthOf(box);
  const [left, top] = [place.x - width / 2, place.y - kHeight / 2];
  const mark = box.blocked > 0 ? '⊘' : box.errors > 0 ? '⚠' : box.pending > 0 ? '‖' : '';
  const select = () => model.select(box.spans[box.spans.length - 1]);
  // Begins with what can be read in the box.
  const words = [
    `${titleOf(box)} ${factsOf(box)}`,
    box.blocked > 0 ? `${count(box.blocked)} blocked` : '',
    box.errors > 0 ? `${count(box.errors)} errors` : '',
    box.pending > 0 ? 'waits for a person' : '',
  ]
    .filter((each) => each !== '')
    .join(', ');
  return (
    <g
      class={`graph-box${isSelected ? ' selected' : ''}${box.blocked > 0 || box.errors > 0 ? ' troubled' : ''}`}
      role="button"
      tabindex={0}
      aria-label={words}
      aria-pressed={isSelected}
      onClick={select}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        select();
      }}
    >
      <rect x={left} y={top} width={width} height={kHeight} rx="3" />
      <rect class={`graph-edge fill-${model.tone(box.toneSpan)}`} x={left} y={top} width="5" height={kHeight} rx="2" />
      <text x={left + 14} y={place.y - 3}>
        {titleOf(box)}{' '}
      </text>
      <text x={left + 14} y={place.y + 14} class="graph-figures">
        {factsOf(box)}
      </text>
      {mark !== '' && (
        <text
          aria-hidden="true"
          x={left + width - 8}
          y={place.y - 3}
          text-anchor="end"
          class={mark === '‖' ? 'graph-pending' : 'graph-bad'}
        >
          {mark}
        </text>
      )}
      <title>{words}</title>
    </g>
  );
}

function GraphTable({ graph, model }: { graph: ReturnType<typeof agentGraph>; model: TraceModel }) {
  const labels = new Map(graph.boxes.map((box) => [box.id, box.label]));
  const to = (id: string) =>
    graph.arrows
      .filter((arrow) => arrow.from === id)
      .map(
        (arrow) => `${arrow.isBlock ? '⊘ ' : ''}${labels.get(arrow.to)}${arrow.count > 1 ? ` × ${arrow.count}` : ''}`,
      )
      .join(', ');
  return (
    <div class="flame-table">
      <FiguresTable
        caption="The boxes of the graph and where they lead"
        head={['Box', 'Ran', 'Duration', 'Cost', 'Errors', 'Blocks', 'Leads to']}
        rows={graph.boxes.map((box) => ({
          key: box.id,
          plain: box.label,
          name: (
            <button type="button" class="link" onClick={() => model.select(box.spans[0])}>
              <Text text={box.label || '(no name)'} max={80} />
            </button>
          ),
          cells: [
            { text: count(box.spans.length) },
            { text: duration(box.duration), exact: box.duration },
            { text: Number.isNaN(box.cost) ? '–' : money(box.cost) },
            { text: count(box.errors), bad: box.errors > 0 },
            { text: count(box.blocked), bad: box.blocked > 0 },
            { text: plain(to(box.id)) || '–' },
          ],
        }))}
      />
    </div>
  );
}
