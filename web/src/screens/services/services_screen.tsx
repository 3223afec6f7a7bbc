// Services: which service calls which?
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { dependencies } from '@/api/dependencies';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { queryInstant } from '@/api/metrics';
import { useKeys } from '@/app/keys';
import { go, href, query, setParameters, setQuery } from '@/app/location';
import { type Range, rangeOf, readPeriod, searchPath, writePeriod } from '@/model/period';
import { instantValue, labelsOf } from '@/model/series';
import { type Dependency, type ServiceRow, serviceRows } from '@/model/services';
import { plain, shortened } from '@/model/text';
import { count } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { FiguresTable } from '@/ui/figures_table';
import { ArrowHead } from '@/ui/graph/arrow_head';
import { layOut, pathThrough } from '@/ui/graph/layout';
import { PeriodPicker } from '@/ui/period_picker';
import { ReadAgain } from '@/ui/read_again';
import { Empty, Loaded } from '@/ui/states';
import { Text } from '@/ui/text';
import '@/styles/panels.css';
import '@/styles/services.css';

const kService = 'resource.service.name';
const kBoxesMax = 300; // above, the table alone says it

interface Found {
  readonly dependencies: readonly Dependency[];
  readonly rows: readonly ServiceRow[];
}

// How many spans of each service; null where that cannot be said.
async function countsOf(q: string, range: Range, signal: AbortSignal): Promise<Map<string, number> | null> {
  try {
    const { series = [] } = await queryInstant(q, range, signal);
    return new Map(series.map((each) => [labelsOf(each)[kService] ?? '', instantValue(each)]));
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

export default function ServicesScreen() {
  const again = useSignal(0);
  const period = readPeriod(query.value);
  const isTable = query.value.get('view') === 'table';
  const key = `${again.value} ${period.lookback} ${period.start} ${period.end}`;
  const range = useMemo(() => rangeOf(period), [key]);
  const found = useLoad<Found>(key, async (signal) => {
    const [calls, services, spans, errors] = await Promise.all([
      dependencies(range.from, range.to, signal),
      api.services(signal),
      countsOf(`{ } | count_over_time() by (${kService})`, range, signal),
      countsOf(`{ status = error } | count_over_time() by (${kService})`, range, signal),
    ]);
    // Without calls and spans within this time a service is not of this picture.
    const rows = serviceRows(calls, spans === null ? services : [], spans, errors);
    return { dependencies: calls, rows };
  });
  const toggle = () => setParameters({ view: query.peek().get('view') === 'table' ? null : 'table' });
  useKeys(() => [{ keys: 't', does: 'the graph as a table', group: 'Services', run: toggle }], []);
  return (
    <div class="services">
      <h1 class="unseen">Services</h1>
      <div class="screen-bar">
        <PeriodPicker period={period} onPeriod={(next) => setQuery(writePeriod(next, query.peek()))} />
        <span class="gap" />
        <button type="button" class="link" aria-pressed={isTable} onClick={toggle}>
          {isTable ? 'Graph' : 'Table'} <kbd>t</kbd>
        </button>
        <ReadAgain again={again} />
      </div>
      <Boundary what="the services">
        <Loaded load={found} what="the services">
          {({ dependencies: calls, rows }) => {
            if (rows.length === 0)
              return (
                <NoServices
                  onWiden={() => setQuery(writePeriod({ lookback: '30d', start: '', end: '' }, query.peek()))}
                />
              );
            const isTooLarge = rows.length > kBoxesMax;
            return (
              <>
                {isTooLarge && (
                  <p class="services-note">
                    {count(rows.length)} services are more than a picture shows well (up to {kBoxesMax}); the table has
                    them all.
                  </p>
                )}
                {calls.length === 0 && (
                  <p class="services-note">
                    Within this time no service called another: a call is a client’s span with a server’s span below it.
                  </p>
                )}
                {isTable || isTooLarge ? (
                  <Tables calls={calls} rows={rows} range={range} />
                ) : (
                  <ServiceGraph calls={calls} rows={rows} range={range} />
                )}
              </>
            );
          }}
        </Loaded>
      </Boundary>
    </div>
  );
}

const pathOf = (name: string, range: Range) => {
  const search = new URLSearchParams(searchPath(range).split('?')[1]);
  search.set('service', name);
  return `/search?${search}`;
};

function Tables({ calls, rows, range }: { calls: readonly Dependency[]; rows: readonly ServiceRow[]; range: Range }) {
  return (
    <div class="panels">
      <section class="panel" aria-label="Services">
        <h2>Services</h2>
        <FiguresTable
          caption="Services"
          head={['Service', 'Spans', 'Errors', 'Is called', 'Calls']}
          rows={rows.map((row) => ({
            key: row.name,
            plain: row.name,
            name: (
              <a href={href(pathOf(row.name, range))}>
                <Text text={row.name || '(none)'} max={80} />
              </a>
            ),
            cells: [
              { text: count(row.spans) },
              { text: count(row.errors), bad: (row.errors ?? 0) > 0 },
              { text: count(row.calledBy) },
              { text: count(row.calls) },
            ],
          }))}
        />
      </section>
      <section class="panel" aria-label="Calls">
        <h2>Calls</h2>
        {calls.length === 0 ? (
          <p class="panel-none">None.</p>
        ) : (
          <FiguresTable
            caption="Calls between services"
            head={['From', 'To', 'Calls']}
            rows={[...calls]
              .sort((a, b) => b.callCount - a.callCount)
              .map((call) => ({
                key: `${call.parent}\n${call.child}`,
                plain: call.parent,
                name: <Text text={call.parent} max={80} />,
                cells: [{ text: plain(call.child), exact: call.child }, { text: count(call.callCount) }],
              }))}
          />
        )}
      </section>
    </div>
  );
}

const kBoxHeight = 40;
const kNameMax = 28;
const widthOf = (row: ServiceRow) =>
  Math.max(96, Math.min(row.name.length, kNameMax) * 7.4 + 24, figuresOf(row).join(' · ').length * 6.2 + 20);

const figuresOf = (row: ServiceRow): string[] => [
  ...(row.spans === null ? [] : [`${count(row.spans)} spans`]),
  ...(row.errors ? [`⚠ ${count(row.errors)}`] : []),
];

function ServiceGraph({
  calls,
  rows,
  range,
}: {
  calls: readonly Dependency[];
  rows: readonly ServiceRow[];
  range: Range;
}) {
  const layout = useMemo(
    () =>
      layOut(
        rows.map((row) => ({ id: row.name, width: widthOf(row), height: kBoxHeight })),
        calls.map((call, i) => ({
          id: String(i),
          from: call.parent,
          to: call.child,
          labelWidth: count(call.callCount).length * 7 + 8,
        })),
      ),
    [rows, calls],
  );
  const most = Math.max(1, ...calls.map((call) => call.callCount));
  return (
    <div class="graph-scroll">
      <svg
        width={layout.width}
        height={layout.height}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="group"
        aria-label={`${rows.length} services and ${calls.length} kinds of calls between them; the table says the same (t)`}
      >
        <defs>
          <ArrowHead id="call-end" class="graph-arrow" />
        </defs>
        {calls.map((call, i) => {
          const arrow = layout.arrows.get(String(i))!;
          return (
            <g key={`${call.parent}\n${call.child}`}>
              <path
                class="graph-line"
                d={pathThrough(arrow.points)}
                stroke-width={1 + 2 * Math.sqrt(call.callCount / most)}
                marker-end="url(#call-end)"
              />
              {arrow.label && (
                <text class="graph-label" x={arrow.label.x} y={arrow.label.y + 4} text-anchor="middle">
                  {count(call.callCount)}
                </text>
              )}
              <title>{plain(`${call.parent} calls ${call.child} ${count(call.callCount)} times`)}</title>
            </g>
          );
        })}
        {rows.map((row) => {
          const { x, y } = layout.boxes.get(row.name)!;
          const width = widthOf(row);
          const open = () => go(pathOf(row.name, range));
          const figures = figuresOf(row);
          return (
            <g
              key={row.name}
              class="graph-box"
              role="link"
              tabindex={0}
              aria-label={plain(
                `${shortened(row.name || '(none)', kNameMax)} ${figures.join(' · ')}, called ${row.calledBy} times, calls ${row.calls} times; search its traces`,
              )}
              onClick={open}
              onKeyDown={(event) => {
                if (event.key === 'Enter') open();
              }}
            >
              <rect x={x - width / 2} y={y - kBoxHeight / 2} width={width} height={kBoxHeight} rx="3" />
              <text x={x} y={figures.length > 0 ? y - 3 : y + 4} text-anchor="middle">
                {plain(shortened(row.name || '(none)', kNameMax))}{' '}
              </text>
              {figures.length > 0 && (
                <text x={x} y={y + 13} text-anchor="middle" class="graph-figures">
                  {figures.map((each, i) => (
                    <tspan key={each} class={each.startsWith('⚠') ? 'bad' : ''}>
                      {i > 0 ? ` · ${each}` : each}
                    </tspan>
                  ))}
                </text>
              )}
              <title>{plain(row.name)}</title>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function NoServices({ onWiden }: { onWiden: () => void }) {
  return (
    <Empty title="No service sent spans within this time">
      <p>
        <button type="button" class="primary" onClick={onWiden}>
          Look at the last 30 days
        </button>
      </p>
      <p class="hint">
        Where nothing was ever stored, <a href={href('/search')}>Search</a> says how to fill the store.
      </p>
    </Empty>
  );
}
