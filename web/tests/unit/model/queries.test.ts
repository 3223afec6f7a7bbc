// What the Query and SQL screens compute apart from the server.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { spanAt } from '@/model/code_points';
import { spanTable } from '@/model/found_spans';
import { serviceRows } from '@/model/services';
import { chartOf, chartShape, isNumberType, timeOf } from '@/model/sql_shape';
import { kSqlViews } from '@/model/sql_views';
import { kindOfQuery } from '@/model/traceql_kind';

describe('what a TraceQL query is answered with', () => {
  test.each([
    ['{ status = error }', 'traces'],
    ['{ } | count() > 2', 'traces'],
    ['{ } | sum(span.x) > 5 | select(name)', 'traces'],
    ['{ } | by(name) | avg(duration) > 1s', 'traces'],
    ['{ a = "x | rate()" }', 'traces'],
    ['{ .a = 1 || .b = 2 } && { .c = 3 }', 'traces'],
    ['{ } | rate() by (name)', 'range'],
    ['{ name = "a" } | quantile_over_time(duration, .5, .95) by (span.role) | topk(10)', 'range'],
    ['100 * ({ status = error } | rate()) / ({ } | rate()) > 5', 'range'],
    ['{ } | compare({ status = error })', 'range'],
    ['{ name = "meshflow.run" } | sum(span.meshflow.cost_usd)', 'instant'],
    ['{ } | quantile(duration, .95) by (span.role)', 'instant'],
    ['{ } | sum(span.x) by (span.y) > 5', 'instant'],
    ['({ } | sum(span.x)) > 5', 'instant'],
  ])('%s: %s', (q, kind) => {
    expect(kindOfQuery(q)).toBe(kind);
  });
});

describe('places of errors', () => {
  test('are lines and characters, an editor’s are UTF-16 units', () => {
    expect(spanAt('{ statsu = error }', 1, 3, 6)).toEqual({ from: 2, to: 8 });
    expect(spanAt('a\n{ "🙂" b }', 2, 7, 1)).toEqual({ from: 9, to: 10 });
  });
  test('stay within the text', () => {
    expect(spanAt('ab', 1, 9, 4)).toEqual({ from: 2, to: 2 });
    expect(spanAt('ab\ncd', 7, 1, 99)).toEqual({ from: 3, to: 5 });
  });
});

describe('a table of spans', () => {
  test('has a column for each attribute that came, and counts what did not come', () => {
    const table = spanTable([
      {
        traceID: 't',
        spanSets: [
          {
            matched: 7,
            spans: [
              {
                spanID: 'a',
                name: 'x',
                startTimeUnixNano: '5',
                durationNanos: '6',
                attributes: [{ key: 'k', value: { intValue: '1' } }],
              },
              { spanID: 'b', attributes: [{ key: 'l', value: { stringValue: 'm' } }] },
            ],
          },
        ],
      },
    ]);
    expect(table.columns).toEqual(['k', 'l']);
    expect(table.matched).toBe(7);
    expect(table.rows[0]).toMatchObject({ traceId: 't', spanId: 'a', name: 'x', startNs: 5n, durationNs: 6 });
    expect([...table.rows[1].values]).toEqual([['l', 'm']]);
  });
});

describe('results of SQL', () => {
  const column = (name: string, type: string) => ({ name, type });
  test('types that are numbers', () => {
    expect(['BIGINT', 'UBIGINT', 'DOUBLE', 'DECIMAL(18,9)', 'HUGEINT', 'INTEGER'].every(isNumberType)).toBe(true);
    expect(['VARCHAR', 'TIMESTAMP_NS', 'BOOLEAN'].some(isNumberType)).toBe(false);
  });
  test('a time and a number make a chart, with one text that tells lines apart', () => {
    expect(chartShape([column('start_time', 'TIMESTAMP_NS'), column('cost_usd', 'DECIMAL(18,9)')])).toEqual({
      time: 0,
      values: [1],
      group: null,
    });
    expect(chartShape([column('role', 'VARCHAR'), column('start_ns', 'UBIGINT'), column('n', 'BIGINT')])).toEqual({
      time: 1,
      values: [2],
      group: 0,
    });
    expect(chartShape([column('role', 'VARCHAR'), column('n', 'BIGINT')])).toBeNull();
    expect(
      chartShape([
        column('a', 'VARCHAR'),
        column('b', 'VARCHAR'),
        column('start_ns', 'UBIGINT'),
        column('n', 'BIGINT'),
      ]),
    ).toBeNull();
  });
  test('times are UTC', () => {
    expect(timeOf('1970-01-01 00:00:01.500123456', column('t', 'TIMESTAMP_NS'))).toBe(1500);
    expect(timeOf('1795679369287000000', column('start_ns', 'UBIGINT'))).toBe(1_795_679_369_287);
    expect(timeOf(null, column('t', 'TIMESTAMP_NS'))).toBeNull();
  });
  test('rows become lines over sorted times', () => {
    const columns = [column('start_ns', 'UBIGINT'), column('role', 'VARCHAR'), column('n', 'BIGINT')];
    const rows = [
      [2_000_000, 'a', 5],
      [1_000_000, 'b', '6'],
      [1_000_000, 'a', null],
    ];
    expect(chartOf(chartShape(columns)!, columns, rows)).toEqual({
      times: [1, 2],
      lines: [
        { name: 'a', values: [null, 5] },
        { name: 'b', values: [6, null] },
      ],
    });
  });
});

test('the views at the side are those of docs/sql.md, with their columns', () => {
  const page = readFileSync('../docs/sql.md', 'utf8');
  for (const view of kSqlViews) {
    for (const column of view.columns) expect(page, `${view.name}.${column}`).toContain(`\`${column}\``);
  }
  const spans = /### spans\n([\s\S]*?)\n### /.exec(page)![1];
  const names = [...spans.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(kSqlViews[0].columns).toEqual(names);
});

describe('services', () => {
  test('are all that are named anywhere, the busiest first', () => {
    const rows = serviceRows(
      [
        { parent: 'a', child: 'b', callCount: 3 },
        { parent: 'b', child: 'c', callCount: 2 },
      ],
      ['d'],
      new Map([['b', 9]]),
      null,
    );
    expect(rows.map((row) => row.name)).toEqual(['b', 'a', 'c', 'd']);
    expect(rows[0]).toEqual({ name: 'b', calledBy: 3, calls: 2, spans: 9, errors: null });
  });
});
