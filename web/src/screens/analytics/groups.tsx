// All figures of each group beside each other, for a grouping of the reader's own.
import { useRef } from 'preact/hooks';
import type { Report, ReportGroup } from '@/api/report';
import { count, duration, money } from '@/model/units';
import { Swatch } from '@/ui/chart/chart';
import { CurveChart, chartLines, useCurves } from '@/ui/chart/curves';
import { type FigureRow, FiguresTable } from '@/ui/figures_table';
import { Panel } from '@/ui/panel';
import { Skeleton } from '@/ui/states';
import { Text } from '@/ui/text';
import { changeText, grams } from './figures';
import { type PanelProps, queryPath, sqlPath, Tools } from './panels';
import { groupQuestion } from './questions';

const kOf: Record<ReportGroup, string> = { workflow: 'runs', variant: 'runs', role: 'agents', model: 'model calls' };

export function GroupsPanel({
  report,
  by,
  range,
  shown,
  isTable,
  onBrush,
}: PanelProps & { report: Report | null; by: ReportGroup }) {
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const p95 = groupQuestion(by, 'p95');
  const cost = groupQuestion(by, 'cost');
  const p95Curves = useCurves(p95.traceql, shown);
  const costCurves = useCurves(cost.traceql, shown);
  const isHere = report?.by === by;
  const rows = isHere ? report.groups : [];
  const most = Math.max(1, ...rows.map((row) => row.now.cost_nano_usd));
  // A row wears the mark of its line.
  const lines = p95Curves.data.value ? chartLines(p95Curves.data.value) : [];
  const head = ['Name', 'Cost', 'Change', 'Count', 'p50', 'p95', 'Tokens', 'Carbon', 'Blocked'];
  const figures = rows.map(({ group, now, before }): FigureRow => {
    const line = lines.find((each) => each.name === (group || '(none)'));
    const isKnown = now.count > 0;
    return {
      key: group,
      plain: group,
      name: (
        <span class="line-name">
          {line && <Swatch tone={line.tone} dash={line.dash} />}
          <Text text={group || '(none)'} max={48} />
        </span>
      ),
      cells: [
        { text: money(now.cost_nano_usd), exact: now.cost_nano_usd, bar: now.cost_nano_usd / most },
        { text: changeText(now.cost_nano_usd, before.cost_nano_usd) },
        { text: count(now.count) },
        { text: isKnown ? duration(now.p50_ns) : '–', exact: isKnown ? `${count(now.p50_ns)} ns` : null },
        { text: isKnown ? duration(now.p95_ns) : '–', exact: isKnown ? `${count(now.p95_ns)} ns` : null },
        { text: count(now.tokens) },
        { text: grams(now.nanograms), exact: now.nanograms },
        { text: count(now.blocked), bad: now.blocked > 0 },
      ],
    };
  });
  return (
    <>
      <Panel
        title={`By ${by}: ${kOf[by]}`}
        wide
        traceql={queryPath(cost, range)}
        sql={sqlPath(cost, range)}
        tools={<Tools name={`by_${by}`} table={{ head, rows: figures }} />}
      >
        {!isHere ? (
          <Skeleton rows={5} />
        ) : rows.length === 0 ? (
          <p class="panel-none">Nothing in either period.</p>
        ) : (
          <FiguresTable caption={`Figures by ${by}`} head={head} rows={figures} />
        )}
      </Panel>
      <Panel
        title={`p95 latency by ${by}`}
        traceql={queryPath(p95, range)}
        tools={<Tools name={`p95_by_${by}`} canvas={canvas} />}
      >
        <CurveChart
          load={p95Curves}
          what={`p95 latency by ${by}`}
          range={shown ?? range}
          kind="lines"
          lines={(data) => chartLines(data)}
          format={(seconds) => duration(seconds * 1e9)}
          isTable={isTable}
          onBrush={onBrush}
          canvas={(element) => {
            canvas.current = element;
          }}
        />
      </Panel>
      <Panel title={`Cost by ${by}`} traceql={queryPath(cost, range)}>
        <CurveChart
          load={costCurves}
          what={`Cost by ${by}`}
          range={shown ?? range}
          kind="lines"
          lines={(data) => chartLines(data)}
          format={(dollars) => money(dollars * 1e9)}
          isTable={isTable}
          onBrush={onBrush}
        />
      </Panel>
    </>
  );
}
