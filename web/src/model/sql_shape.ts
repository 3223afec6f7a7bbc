// What a result of SQL looks like: whether its columns are numbers, and whether it can be a chart over time.
export type Cell = string | number | boolean | null;
export interface Column {
  readonly name: string;
  readonly type: string; // DuckDB's
}

export const isNumberType = (type: string): boolean =>
  /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|REAL|DECIMAL\b.*)$/.test(type);
const isTimeType = (type: string): boolean => /^(TIMESTAMP.*|DATE)$/.test(type);
const isNanosColumn = ({ name, type }: Column) => /(^|_)(start|end|time)_ns$/.test(name) && isNumberType(type);

// ms since 1970; null where the cell is no time. Times come as "2026-11-26 07:42:39.623102204", in UTC.
export function timeOf(cell: Cell, column: Column): number | null {
  if (cell === null) return null;
  if (isTimeType(column.type)) {
    const time = Date.parse(
      `${String(cell)
        .replace(' ', 'T')
        .replace(/(\.\d{3})\d*$/, '$1')}Z`,
    );
    return Number.isNaN(time) ? null : time;
  }
  const nanos = Number(cell);
  return Number.isFinite(nanos) ? nanos / 1e6 : null;
}

export interface ChartShape {
  readonly time: number; // columns
  readonly values: readonly number[];
  readonly group: number | null; // a text that tells series apart
}

// A time, at least one number beside it, and at most one text: that is a chart.
export function chartShape(columns: readonly Column[]): ChartShape | null {
  const times = columns.flatMap((column, i) => (isTimeType(column.type) ? [i] : []));
  const nanos = columns.flatMap((column, i) => (isNanosColumn(column) ? [i] : []));
  const time = times[0] ?? nanos[0];
  if (time === undefined) return null;
  const values = columns.flatMap((column, i) =>
    i !== time && isNumberType(column.type) && !isNanosColumn(column) ? [i] : [],
  );
  const texts = columns.flatMap((column, i) => (column.type === 'VARCHAR' ? [i] : []));
  if (values.length === 0 || values.length > 8) return null;
  if (texts.length > 1 || (texts.length === 1 && values.length > 1)) return null;
  return { time, values, group: texts[0] ?? null };
}

export interface SqlLine {
  readonly name: string;
  readonly values: (number | null)[];
}

export function chartOf(
  shape: ChartShape,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): { times: number[]; lines: SqlLine[] } {
  const at = new Map<number, number>();
  for (const row of rows) {
    const time = timeOf(row[shape.time], columns[shape.time]);
    if (time !== null) at.set(time, 0);
  }
  const times = [...at.keys()].sort((a, b) => a - b);
  for (const [i, time] of times.entries()) at.set(time, i);
  const lines = new Map<string, (number | null)[]>();
  for (const row of rows) {
    const time = timeOf(row[shape.time], columns[shape.time]);
    if (time === null) continue;
    for (const column of shape.values) {
      const cell = row[column];
      const name = shape.group === null ? columns[column].name : String(row[shape.group] ?? '(none)');
      const values = lines.get(name) ?? times.map(() => null);
      if (cell !== null && Number.isFinite(Number(cell))) values[at.get(time)!] = Number(cell);
      lines.set(name, values);
    }
  }
  return { times, lines: [...lines].map(([name, values]) => ({ name, values })) };
}
