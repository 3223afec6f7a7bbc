// A small table of figures: a name at the left, numbers at the right, perhaps a bar to scale under one of them.
import type { ComponentChild } from 'preact';
import { csvCell } from '@/model/text';
import { saveFile } from './save';

export interface Figure {
  readonly text: ComponentChild;
  readonly exact?: string | number | null; // what it is to the last digit: shown when one points at it, and in CSV
  readonly bar?: number; // 0 to 1
  readonly bad?: boolean;
}
export interface FigureRow {
  readonly key: string;
  readonly name: ComponentChild;
  readonly plain: string; // the name as text
  readonly cells: readonly Figure[];
}

interface Props {
  caption: string;
  head: readonly string[]; // of the name first
  rows: readonly FigureRow[];
}

export function FiguresTable({ caption, head, rows }: Props) {
  return (
    <div class="table-scroll">
      <table class="figures">
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {head.map((each, i) => (
              <th scope="col" class={i > 0 ? 'number' : ''} key={each}>
                {each}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              <th scope="row">{row.name}</th>
              {row.cells.map((cell, i) => (
                <td
                  key={i}
                  class={cell.bad ? 'number bad' : 'number'}
                  title={cell.exact == null ? undefined : String(cell.exact)}
                >
                  {cell.bar === undefined ? (
                    cell.text
                  ) : (
                    <span class="bar-cell">
                      <span class="bar" style={{ width: `${Math.min(1, cell.bar) * 100}%` }} />
                      <span>{cell.text}</span>
                    </span>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function saveFigures(name: string, { head, rows }: Pick<Props, 'head' | 'rows'>) {
  const lines = [
    head,
    ...rows.map((row) => [
      row.plain,
      ...row.cells.map((cell) => cell.exact ?? (typeof cell.text === 'string' ? cell.text : '')),
    ]),
  ];
  saveFile(name, 'text/csv', lines.map((line) => line.map(csvCell).join(',')).join('\r\n'));
}
