// j and k move through the rows of a screen: the focus goes to each row's first link.
import type { RefObject } from 'preact';
import { useKeys } from '@/app/keys';

export function useRowKeys(box: RefObject<HTMLElement | null>, group: string, what: string) {
  const move = (step: number) => {
    const links = [...(box.current?.querySelectorAll<HTMLElement>('[data-row] a') ?? [])].filter(
      (link, i, all) => i === 0 || link.closest('[data-row]') !== all[i - 1].closest('[data-row]'),
    );
    if (links.length === 0) return false;
    const here = links.findIndex((link) => link.closest('[data-row]')?.contains(document.activeElement));
    links[here < 0 ? (step > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, here + step))].focus();
  };
  useKeys(
    () => [
      { keys: 'j', does: `next ${what}`, group, run: () => move(1) },
      { keys: 'k', does: `previous ${what}`, group, run: () => move(-1) },
    ],
    [],
  );
}
