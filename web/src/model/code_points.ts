// The server counts lines and columns in characters (code points), from 1; editors count UTF-16 units, from 0.

export interface Span {
  readonly from: number;
  readonly to: number;
}

const unitsOf = (text: string, points: number): number => {
  let at = 0;
  for (let i = 0; i < points && at < text.length; ++i) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
};

// The piece of `text` that an error is about; at least one character, unless it stands at the end.
export function spanAt(text: string, line: number, column: number, length = 1): Span {
  const lines = text.split('\n');
  const row = Math.min(Math.max(line, 1), lines.length) - 1;
  const begin = lines.slice(0, row).reduce((sum, each) => sum + each.length + 1, 0);
  const from = begin + unitsOf(lines[row], Math.max(0, column - 1));
  const to = from + unitsOf(text.slice(from), Math.max(1, length));
  return { from: Math.min(from, text.length), to: Math.min(to, text.length) };
}
