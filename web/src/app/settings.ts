// What a person chose, kept in this browser.
import { effect, type Signal, signal } from '@preact/signals';

// A signal whose value outlives the page. What cannot be read or kept (storage off, or another version's value) is the default.
export function setting<T>(name: string, initial: T, isValid: (value: unknown) => value is T): Signal<T> {
  const key = `meshflow.${name}`;
  let value = initial;
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
    if (isValid(stored)) value = stored;
  } catch {
    // the default
  }
  const kept = signal(value);
  let isFirst = true;
  effect(() => {
    const text = JSON.stringify(kept.value);
    if (isFirst) {
      isFirst = false;
      return;
    }
    try {
      localStorage.setItem(key, text);
    } catch {
      // as long as the page lives
    }
  });
  return kept;
}

const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';

export type Theme = 'auto' | 'light' | 'dark';
export const theme = setting<Theme>(
  'theme',
  'auto',
  (value): value is Theme => value === 'auto' || value === 'light' || value === 'dark',
);
export const compact = setting('compact', false, isBoolean);
export const singleKeys = setting('single_keys', true, isBoolean);

const darkScheme = window.matchMedia?.('(prefers-color-scheme: dark)');
const systemIsDark = signal(darkScheme?.matches ?? false);
darkScheme?.addEventListener?.('change', (event) => {
  systemIsDark.value = event.matches;
});

// Jaeger's uiTheme beats the setting, for embedded pages.
const asked = new URLSearchParams(window.location.search).get('uiTheme');
export const isDark = () => {
  const chosen = asked === 'dark' || asked === 'light' ? asked : theme.value;
  return chosen === 'auto' ? systemIsDark.value : chosen === 'dark';
};

effect(() => {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
});
effect(() => {
  document.documentElement.dataset.compact = String(compact.value);
});

// Height of a row of spans, in px: the one measure that scripts and styles share.
export const rowHeight = () => (compact.value ? 20 : 24);
