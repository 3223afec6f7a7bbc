// Keys of the page. A binding is "g s" (one after the other), "Ctrl+k", "?", "Shift+ArrowLeft". Single letters act only
// outside of inputs and can be turned off (WCAG 2.1.4); the newest binding of a key counts.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { singleKeys } from './settings';

export interface Binding {
  readonly keys: string;
  readonly does: string; // for the help
  readonly group: string;
  readonly run: (event: KeyboardEvent) => unknown; // false: not taken
}

const bound = signal<readonly Binding[]>([]);
export const bindings = bound;

export function bind(list: readonly Binding[]): () => void {
  bound.value = [...bound.peek(), ...list];
  return () => {
    bound.value = bound.peek().filter((each) => !list.includes(each));
  };
}

// For a component: bound as long as it is shown.
export function useKeys(list: () => readonly Binding[], inputs: readonly unknown[] = []) {
  useEffect(() => bind(list()), inputs);
}

export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
  !(target instanceof HTMLInputElement && /^(checkbox|radio|button|range)$/.test(target.type));

function nameOf(event: KeyboardEvent): string {
  const named = event.key.length > 1;
  const modifiers = [
    event.ctrlKey || event.metaKey ? 'Ctrl+' : '',
    event.altKey ? 'Alt+' : '',
    // A capital letter says so itself.
    event.shiftKey && (named || event.key === ' ') ? 'Shift+' : '',
  ];
  return modifiers.join('') + event.key;
}

const kSequenceMs = 1200;
let pending = '';
let pendingSince = 0;

function onKeyDown(event: KeyboardEvent) {
  if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return;
  const key = nameOf(event);
  const isPlain = !key.startsWith('Ctrl+') && !key.startsWith('Alt+') && event.key.length === 1;
  if (isTyping(event.target) && (isPlain || !key.startsWith('Ctrl+')) && key !== 'Escape') return;
  if (isPlain && !singleKeys.value) return;
  const sequence = pending !== '' && Date.now() - pendingSince < kSequenceMs ? `${pending} ${key}` : key;
  pending = '';
  for (const wanted of sequence === key ? [key] : [sequence, key]) {
    const list = bound.peek();
    for (let i = list.length - 1; i >= 0; --i) {
      if (list[i].keys !== wanted) continue;
      if (list[i].run(event) === false) continue;
      event.preventDefault();
      return;
    }
    if (list.some((each) => each.keys.startsWith(`${wanted} `))) {
      pending = wanted;
      pendingSince = Date.now();
      return;
    }
  }
}

// Called once by the frame.
export function listenToKeys() {
  document.addEventListener('keydown', onKeyDown);
}
