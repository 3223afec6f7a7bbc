// Flame: where did the time, the money, the tokens go? A click on a frame makes it as wide as the view; Esc goes back.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { useKeys } from '@/app/keys';
import { query, setParameters } from '@/app/location';
import { type FlameUnit, type Frame, flameOf, kFlameUnits } from '@/model/flame';
import { plain } from '@/model/text';
import { count, duration, money, percent } from '@/model/units';
import { FiguresTable } from '@/ui/figures_table';
import { Empty, Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import '@/styles/panels.css';
import '@/styles/flame.css';
import type { TraceModel } from '../model';

const kRow = 25; // px
const kTarget = 24; // px: what is narrower can be seen, not clicked; its parent zoomed, it can
const kNarrowest = 0.0008; // of the width: narrower frames are counted, not drawn
const kRowsOfTable = 500;

const formats: Record<FlameUnit, (value: number) => string> = {
  time: duration,
  cost: (value) => money(value),
  tokens: (value) => count(Math.round(value)),
};

export default function FlameView({ model }: { model: TraceModel }) {
  const { outline, tree } = model;
  const asked = query.value.get('width') ?? '';
  const unit: FlameUnit = (kFlameUnits as readonly string[]).includes(asked) ? (asked as FlameUnit) : 'time';
  const flame = useMemo(() => flameOf(outline, tree, unit), [outline, unit]);
  const zoomed = useSignal(-1);
  const isTable = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const boxWidth = useSignal(1000);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => {
      boxWidth.value = entry.contentRect.width;
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [isTable.value, flame.total === 0]);
  useEffect(() => {
    zoomed.value = -1;
  }, [outline, unit]);
  const choose = (next: FlameUnit) => setParameters({ width: next === 'time' ? null : next });
  useKeys(
    () => [
      {
        keys: 'Escape',
        does: 'flame: back from a frame',
        group: 'Flame',
        run: () => {
          if (zoomed.peek() < 0) return false;
          zoomed.value = flame.frames[zoomed.peek()].parent;
        },
      },
      {
        keys: 't',
        does: 'the flame as a table',
        group: 'Flame',
        run: () => {
          isTable.value = !isTable.peek();
        },
      },
    ],
    [flame],
  );
  const format = formats[unit];
  const focus = flame.frames[zoomed.value];
  const from = focus?.start ?? 0;
  const width = focus?.total ?? flame.total;
  const path: Frame[] = [];
  for (let each = focus; each; each = flame.frames[each.parent]) path.unshift(each);
  const above = new Set(path.map((frame) => frame.id));
  const drawn = flame.frames.filter(
    (frame) =>
      above.has(frame.id) ||
      (frame.start >= from - 1e-9 &&
        frame.start + frame.total <= from + width + 1e-6 &&
        frame.total / width >= kNarrowest),
  );
  const hidden = flame.frames.filter((frame) => frame.total / width < kNarrowest && !above.has(frame.id)).length;
  return (
    <div class="flame">
      <div class="screen-bar flame-bar">
        <span role="group" aria-label="Width by" class="view-choice">
          <span class="detail">Width by</span>
          {kFlameUnits.map((each) => (
            <button type="button" class="link" key={each} aria-pressed={each === unit} onClick={() => choose(each)}>
              {each}
            </button>
          ))}
        </span>
        <span class="flame-path">
          <button
            type="button"
            class="link"
            disabled={!focus}
            onClick={() => {
              zoomed.value = -1;
            }}
          >
            all {format(flame.total)}
            {unit === 'time' ? ' of work' : ''}
          </button>
          {path.map((frame) => (
            <span key={frame.id}>
              {' › '}
              <button
                type="button"
                class="link"
                onClick={() => {
                  zoomed.value = frame.id;
                }}
              >
                <Text text={frame.name} max={40} />
              </button>
            </span>
          ))}
        </span>
        <span class="gap" />
        {hidden > 0 && !isTable.value && <Partial>{count(hidden)} frames are too narrow to draw</Partial>}
        <button
          type="button"
          class="link"
          aria-pressed={isTable.value}
          onClick={() => {
            isTable.value = !isTable.value;
          }}
        >
          {isTable.value ? 'Flame' : 'Table'} <kbd>t</kbd>
        </button>
      </div>
      {flame.total === 0 ? (
        <Empty title={unit === 'time' ? 'No span lasted any time' : `No span says its ${unit}`}>
          {unit !== 'time' && (
            <p>
              <button type="button" class="primary" onClick={() => choose('time')}>
                Width by time
              </button>
            </p>
          )}
        </Empty>
      ) : isTable.value ? (
        <FrameTable flame={flame.frames} total={flame.total} format={format} unit={unit} />
      ) : (
        <div
          ref={box}
          class="flame-box"
          style={{ height: `${flame.depth * kRow}px` }}
          role="group"
          aria-label={`Flame by ${unit}`}
        >
          {drawn.map((frame) => {
            const isAbove = above.has(frame.id) && frame.id !== focus?.id;
            const left = isAbove ? 0 : (frame.start - from) / width;
            const share = isAbove ? 1 : frame.total / width;
            const words = `${plain(frame.name)}${frame.spans.length > 1 ? ` × ${count(frame.spans.length)}` : ''}, ${format(frame.total)}, ${percent(frame.total / flame.total)}, own ${format(frame.self)}${frame.errors > 0 ? `, ${frame.errors} errors` : ''}${frame.blocked > 0 ? `, ${frame.blocked} blocked` : ''}`;
            const place = { left: `${left * 100}%`, width: `${share * 100}%`, top: `${frame.depth * kRow}px` };
            const edge = `flame-frame edge-${model.tone(frame.spans[0])}${frame.errors > 0 || frame.blocked > 0 ? ' bad-frame' : ''}`;
            if (share * boxWidth.value < kTarget) {
              return <div key={frame.id} class={`${edge} narrow`} aria-hidden="true" title={words} style={place} />;
            }
            return (
              <button
                type="button"
                key={frame.id}
                class={isAbove ? `${edge} above` : edge}
                aria-label={words}
                title={words}
                style={place}
                onClick={() => {
                  zoomed.value = frame.id;
                  model.change({ span: outline.spanId(frame.spans[0]) });
                }}
              >
                {frame.blocked > 0 ? '⊘ ' : frame.errors > 0 ? '⚠ ' : ''}
                {plain(frame.name).replace(/^meshflow\./, '')}
                {frame.spans.length > 1 && <span class="detail"> × {count(frame.spans.length)}</span>}
                <span class="detail"> {format(frame.total)}</span>
              </button>
            );
          })}
        </div>
      )}
    </div>
  );
}

function FrameTable({
  flame,
  total,
  format,
  unit,
}: {
  flame: readonly Frame[];
  total: number;
  format: (value: number) => string;
  unit: FlameUnit;
}) {
  const rows = [...flame].sort((a, b) => b.self - a.self).slice(0, kRowsOfTable);
  return (
    <div class="flame-table">
      <FiguresTable
        caption={`Frames by their own ${unit}`}
        head={['Frame', 'Own', 'Share', 'With those below', 'Spans']}
        rows={rows.map((frame) => ({
          key: String(frame.id),
          plain: frame.name,
          name: <Text text={frame.name} max={80} />,
          cells: [
            { text: format(frame.self), exact: frame.self, bar: frame.self / total },
            { text: percent(frame.self / total) },
            { text: format(frame.total), exact: frame.total },
            { text: count(frame.spans.length) },
          ],
        }))}
      />
      {flame.length > rows.length && (
        <Partial>
          {count(rows.length)} of {count(flame.length)} frames
        </Partial>
      )}
    </div>
  );
}
