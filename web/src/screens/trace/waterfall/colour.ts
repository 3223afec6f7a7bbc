import { Status, Verdict } from '@/model/outline';
import type { TraceModel } from '../model';
import type { Palette } from './palette';

// The colour of a span's bar: its trouble's, else its tone's.
export function colourOf(model: TraceModel, span: number, colours: Palette): string {
  const { outline } = model;
  if (outline.status[span] === Status.error || outline.verdict[span] === Verdict.blocked) return colours.bad;
  if (outline.verdict[span] === Verdict.pending) return colours.pending;
  return colours.tones[model.tone(span)];
}
