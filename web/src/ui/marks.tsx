// Small marks that stand for a kind, a status, a verdict. Colour never stands alone: there is a glyph and a word.
import { kGlyphs, kindName, type Tone } from '@/model/look';

export function KindGlyph({ kind, tone }: { kind: number; tone: Tone }) {
  const name = kindName(kind);
  return (
    <span class={`glyph tone-${tone}`} aria-hidden="true" title={name}>
      {name === 'gate' ? <Shield /> : kGlyphs[name]}
    </span>
  );
}

// ⛉, which many fonts lack.
function Shield() {
  return (
    <svg
      viewBox="0 0 12 12"
      width="11"
      height="11"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
    >
      <path d="M1.7 1.5h8.6v4.6L6 11 1.7 6.1z" />
    </svg>
  );
}

const kStatusMarks: Record<string, [string, string]> = {
  completed: ['✓', 'good'],
  ok: ['✓', 'good'],
  unset: ['·', 'plain'],
  running: ['▸', 'plain'],
  unfinished: ['◌', 'plain'],
  paused: ['‖', 'pending'],
  pending: ['‖', 'pending'],
  error: ['⚠', 'bad'],
  failed: ['⚠', 'bad'],
  aborted: ['⊘', 'bad'],
  blocked: ['⊘', 'bad'],
  rejected: ['⊘', 'bad'],
  cancelled: ['⊘', 'plain'],
};

export const isBadStatus = (status: string): boolean => kStatusMarks[status]?.[1] === 'bad';

export function StatusMark({ status }: { status: string }) {
  const [glyph, tone] = kStatusMarks[status] ?? ['·', 'plain'];
  return (
    <span class={`status status-${tone}`}>
      <span aria-hidden="true">{glyph}</span> {status}
    </span>
  );
}
