// The colours of the canvas: those of the page, read from its CSS variables when the theme changes.
import { computed } from '@preact/signals';
import { isDark } from '@/app/settings';
import { kRoles, type Tone } from '@/model/look';

export interface Palette {
  readonly tones: Readonly<Record<Tone, string>>;
  readonly bad: string;
  readonly pending: string;
  readonly text: string;
  readonly faint: string;
  readonly line: string;
  readonly background: string;
  readonly path: string;
  readonly accent: string;
}

export const palette = computed<Palette>(() => {
  isDark();
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim() || '#888';
  const tones = Object.fromEntries([...kRoles, 'neutral'].map((tone) => [tone, read(tone)])) as Record<Tone, string>;
  return {
    tones,
    bad: read('bad'),
    pending: read('pending'),
    text: read('text'),
    faint: read('text-faint'),
    line: read('line'),
    background: read('page'),
    path: read('text'),
    accent: read('accent'),
  };
});
