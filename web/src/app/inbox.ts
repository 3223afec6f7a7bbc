// How much waits for a person: in the navigation and the title, whatever screen is shown.
import { effect, signal } from '@preact/signals';
import { approvals } from '@/api/approvals';
import { listen } from '@/api/stream';
import { capabilities } from './server';

const kAgainMs = 15_000; // where the server does not tell

export const waiting = signal(0);

// Called by whoever has just read them.
export function setWaiting(states: readonly { state: string }[]) {
  waiting.value = states.filter((each) => each.state === 'pending').length;
}

const kMark = /^\(\d+\) /;

function markTitle() {
  const plain = document.title.replace(kMark, '');
  const wanted = waiting.peek() > 0 ? `(${waiting.peek()}) ${plain}` : plain;
  if (document.title !== wanted) document.title = wanted;
}

async function read() {
  try {
    setWaiting((await approvals()).approvals);
  } catch {
    waiting.value = 0; // what cannot be read is not claimed
  }
}

// Called once by the frame.
export function watchInbox() {
  effect(() => {
    if (capabilities.value === null || capabilities.value.runtime === false) return;
    void read();
    if (capabilities.value.live)
      return listen({ topic: 'approvals' }, { approval: () => void read(), gap: () => void read() });
    const timer = setInterval(() => document.visibilityState === 'visible' && void read(), kAgainMs);
    return () => clearInterval(timer);
  });
  effect(() => {
    waiting.value;
    markTitle();
  });
  const title = document.querySelector('title');
  if (title) new MutationObserver(markTitle).observe(title, { childList: true });
}
