// The address, as a signal: the state of each screen is in it. Links of the page go through here, so that no page is
// loaded anew; a click with a modifier key is the browser's.
import { computed, signal } from '@preact/signals';

// The path below which the UI is served: "/" , or the prefix in index.html's <base>.
const base = new URL(document.baseURI).pathname.replace(/\/$/, '');

// Without what is behind '#', which is no part of any screen's state.
const read = () => {
  const url = new URL(window.location.href);
  url.hash = '';
  return url;
};
const current = signal(read());

// Without the base: "/search".
export const path = computed(() => {
  const { pathname } = current.value;
  return (pathname.startsWith(base) ? pathname.slice(base.length) : pathname) || '/';
});
export const queryText = computed(() => current.value.search);
export const query = computed(() => new URLSearchParams(queryText.value));

// "/search?service=a" as an address of this server, for `href`.
export const href = (to: string): string => base + to;

export interface GoOptions {
  replace?: boolean; // no new entry in the browser's history
}

export function go(to: string, { replace = false }: GoOptions = {}) {
  const target = new URL(href(to), window.location.origin);
  if (target.href === current.peek().href) return;
  if (replace) history.replaceState(null, '', target);
  else history.pushState(null, '', target);
  const isOtherScreen = target.pathname !== current.peek().pathname;
  current.value = target;
  if (isOtherScreen && !replace) window.scrollTo(0, 0);
}

// Another query on the same path. Parameters of the frame (uiEmbed, uiTheme) are the caller's to keep: start from `query`.
export function setQuery(next: URLSearchParams, options: GoOptions = {}) {
  const text = next.toString().replaceAll('%2F', '/').replaceAll('%3A', ':');
  go(path.peek() + (text === '' ? '' : `?${text}`), options);
}

// The same address with some parameters changed; '' and null take one away.
export function setParameters(changes: Readonly<Record<string, string | null>>) {
  const next = new URLSearchParams(query.peek());
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') next.delete(name);
    else next.set(name, value);
  }
  setQuery(next);
}

function onClick(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element | null)?.closest?.('a[href]');
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
  const target = new URL(link.href);
  if (target.origin !== window.location.origin || link.dataset.native !== undefined) return;
  if (base !== '' && target.pathname !== base && !target.pathname.startsWith(`${base}/`)) return;
  event.preventDefault();
  go(target.pathname.slice(base.length) + target.search);
}

// Called once by the frame.
export function listenToLinks() {
  window.addEventListener('popstate', () => {
    current.value = read();
  });
  document.addEventListener('click', onClick);
}
