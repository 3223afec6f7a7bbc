// What a screen reader is told of changes that nobody asked for: politely, and at most once in five seconds.
import { signal } from '@preact/signals';

export const announcement = signal('');
const kPauseMs = 5000;
let last = 0;
let waiting: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string) {
  clearTimeout(waiting);
  const say = () => {
    last = Date.now();
    announcement.value = text;
  };
  const wait = last + kPauseMs - Date.now();
  if (wait <= 0) say();
  else waiting = setTimeout(say, wait);
}

// The answer to something that the person did just now: at once.
export function answer(text: string) {
  clearTimeout(waiting);
  last = Date.now();
  announcement.value = announcement.value === text ? `${text}\u00a0` : text;
}
