// Text from outside: what would not show, or would move other text, is shown as an escape.

// Control characters (but tab and line feed), bidi controls, zero-width characters, and what no font shows.
const kHidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each stands for itself
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\u{e0001}|[\u{e0020}-\u{e007f}]/gu;

export interface Piece {
  readonly text: string;
  readonly escaped: boolean;
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0)!;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

// `text` in pieces to be shown one after the other; most text is one piece.
export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const found of text.matchAll(kHidden)) {
    if (found.index > at) out.push({ text: text.slice(at, found.index), escaped: false });
    const last = out[out.length - 1];
    if (last?.escaped) out[out.length - 1] = { text: last.text + escapeOf(found[0]), escaped: true };
    else out.push({ text: escapeOf(found[0]), escaped: true });
    at = found.index + found[0].length;
  }
  if (at < text.length || out.length === 0) out.push({ text: text.slice(at), escaped: false });
  return out;
}

// The same as one text, for places that take no marks: titles, accessible names, canvas.
export const plain = (text: string): string => text.replace(kHidden, escapeOf);

// The first `length` characters, and "…" where there were more; never half a character.
export function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = /[\ud800-\udbff]/.test(text[length - 1]) ? length - 1 : length;
  return `${text.slice(0, end)}…`;
}

// What a link may lead to: http and https only. Null for anything else.
export function linkTarget(text: string): string | null {
  if (!/^https?:\/\/[^\s]+$/i.test(text) || text.length > 2048 || plain(text) !== text) return null;
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

// A cell of a CSV file: quoted where needed, and never a formula for a spreadsheet.
export function csvCell(value: unknown): string {
  let text = value == null ? '' : String(value);
  if (/^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
