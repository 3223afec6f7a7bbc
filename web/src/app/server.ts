// What the server can do, asked once at the start and again when it was lost.
import { computed, effect, signal } from '@preact/signals';
import { isLost } from '@/api/client';
import * as api from '@/api/endpoints';
import type { Capabilities } from '@/api/types';
import type { Screen } from './screens';

export const capabilities = signal<Capabilities | null>(null);
// Where the server listens: "127.0.0.1:4318".
export const listeners = computed(() =>
  (capabilities.value?.listeners ?? []).map(({ name, ip, port }) => ({
    name,
    address: `${ip.includes(':') ? `[${ip}]` : ip}:${port}`,
  })),
);

// Whether this server can show a screen.
export const isThere = (screen: Screen): boolean =>
  !screen.isThere || (capabilities.value !== null && screen.isThere(capabilities.value));

const kAgainMs = 2000;

// Asks again what the server can do; false where it does not answer.
export async function askServer(): Promise<boolean> {
  try {
    capabilities.value = await api.capabilities();
    return true;
  } catch {
    return false;
  }
}

// While the server is lost it is asked every two seconds, as long as somebody looks.
export function watchServer() {
  void askServer();
  effect(() => {
    if (!isLost.value) return;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void askServer();
    }, kAgainMs);
    return () => clearInterval(timer);
  });
}
