// What a person may type or paste where an id is wanted.
export type Id =
  | { readonly kind: 'trace'; readonly id: string }
  | { readonly kind: 'prefix'; readonly id: string }
  | { readonly kind: 'run'; readonly id: string }
  | { readonly kind: 'none' };

// A trace id has 1 to 32 hexadecimal digits, zero-padded as Jaeger does; 8 to 31 digits may also be the beginning of one,
// and 16 a span's: the server tells.
export function readId(text: string): Id {
  const trimmed = text.trim().replace(/^"|"$/g, '');
  if (/^run_[\w-]+$/.test(trimmed)) return { kind: 'run', id: trimmed };
  const hex = trimmed.replace(/^0x/i, '').replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{1,32}$/.test(hex)) return { kind: 'none' };
  if (hex.length >= 8 && hex.length < 32) return { kind: 'prefix', id: hex };
  return { kind: 'trace', id: hex };
}

export const traceId = (hex: string): string => hex.toLowerCase().padStart(32, '0');

// "4bf92f3577b3…": the part that people compare.
export const shortId = (id: string): string => (id.length > 12 ? id.slice(0, 12) : id);

// "/trace/{id}" or "/trace/{a}...{b}" (two traces to compare, Jaeger's form).
export function readTracePath(part: string): { a: string; b: string | null } | null {
  const [a, b, more] = part.split('...');
  const isId = (text: string) => /^[0-9a-fA-F]{1,32}$/.test(text);
  if (more !== undefined || !isId(a) || (b !== undefined && b !== '' && !isId(b))) return null;
  return { a: traceId(a), b: b ? traceId(b) : null };
}
