// Ctrl K: one field that leads to a screen, a recent run, a saved view, or whatever an id names.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { type Load, useLoad } from '@/api/load';
import type { Match, Run, View } from '@/api/types';
import { readId, shortId } from '@/model/ids';
import { plain } from '@/model/text';
import { age } from '@/model/units';
import { Dialog } from '@/ui/dialog';
import { answer } from './announce';
import { go, path, queryText } from './location';
import { screens } from './screens';
import { isThere } from './server';

interface Entry {
  readonly to: string;
  readonly act?: () => Promise<void>; // instead of going there
  readonly remove?: () => Promise<void>;
  readonly label: string;
  readonly detail: string;
}

const kRecentMax = 8;

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const recent = useLoad('recent', (signal) => api.runs({ limit: kRecentMax }, signal).then((answer) => answer.runs));
  const views = useLoad('views', (signal) => api.views(signal));
  const id = readId(text);
  const matches = useLoad(id.kind === 'none' ? '' : text.trim(), (signal) =>
    id.kind === 'none' ? Promise.resolve<Match[]>([]) : api.resolve(text.trim(), signal),
  );
  const entries = useMemo(
    () => entriesFor(text, dataOf(recent), dataOf(views), id.kind === 'none' ? [] : dataOf(matches)),
    [text, recent.data.value, views.data.value, matches.data.value],
  );
  const list = useRef<HTMLUListElement>(null);
  const chosen = Math.min(at, entries.length - 1);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const open = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    if (entry.act) void entry.act();
    else go(entry.to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && entries.length > 0) setAt((chosen + step + entries.length) % entries.length);
    else if (event.key === 'Enter') open(entries[chosen]);
    else if (event.key === 'Delete' && event.ctrlKey && entries[chosen]?.remove)
      void entries[chosen].remove?.().then(() => views.run());
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label="Go to" class="palette" onClose={onClose}>
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries.length > 0 ? `palette-${chosen}` : undefined}
        aria-label="A screen, a run, a view, or an id"
        placeholder="A screen, a run, a view, or an id"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="palette-list" role="listbox" aria-label="What fits" ref={list}>
        {entries.map((entry, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the field's
          <li
            id={`palette-${i}`}
            key={`${entry.to} ${entry.detail}`}
            role="option"
            aria-selected={i === chosen}
            onClick={() => open(entry)}
          >
            <span class="palette-label">{entry.label}</span>
            <span class="palette-detail">
              {entry.detail}
              {entry.remove && (
                <button
                  type="button"
                  class="link"
                  tabIndex={-1}
                  title="Delete the view (Ctrl Delete)"
                  onClick={(event) => {
                    event.stopPropagation();
                    void entry.remove?.().then(() => views.run());
                  }}
                >
                  delete
                </button>
              )}
            </span>
          </li>
        ))}
      </ul>
      {entries.length === 0 && (
        <p class="palette-none">
          {matches.error.value?.message ??
            (matches.since.value !== null ? 'Looking…' : 'Nothing fits. Ids may be shortened to 8 digits.')}
        </p>
      )}
    </Dialog>
  );
}

async function told(work: Promise<unknown>, done: string) {
  try {
    await work;
    answer(done);
  } catch (error) {
    answer((error as Error).message);
  }
}

const dataOf = <T,>(load: Load<T[]>): readonly T[] => load.data.value ?? [];

function entriesFor(text: string, runs: readonly Run[], views: readonly View[], matches: readonly Match[]): Entry[] {
  const wanted = text.trim().toLowerCase();
  const fits = (...words: (string | null | undefined)[]) => words.some((word) => word?.toLowerCase().includes(wanted));
  const entries: Entry[] = matches.map((match) => ({
    to: `/trace/${match.trace_id}${match.kind === 'span' && match.span_id ? `?span=${match.span_id}` : ''}`,
    label: plain(match.root ?? '(no root span yet)').slice(0, 120),
    detail: `${match.kind} ${match.run_id ?? shortId(match.span_id ?? match.trace_id)} · ${age(match.start_ns)}`,
  }));
  for (const screen of screens) {
    if (screen.inNavigation && isThere(screen) && fits(screen.name)) {
      entries.push({ to: screen.path, label: screen.name, detail: screen.key ? `screen · g ${screen.key}` : 'screen' });
    }
  }
  for (const run of runs) {
    if (!fits(run.root, run.run_id, run.trace_id, run.workflow, run.service)) continue;
    entries.push({
      to: `/trace/${run.trace_id}`,
      label: plain(run.workflow ?? run.root ?? '(no root span yet)').slice(0, 120),
      detail: `${run.status} · ${run.run_id ?? shortId(run.trace_id)} · ${age(run.start_ns)}`,
    });
  }
  for (const view of views) {
    if (!view.url.startsWith('/') || !fits(view.name)) continue;
    const remove = () => told(api.deleteView(view.id), 'the view is deleted');
    entries.push({ to: view.url, label: plain(view.name), detail: 'saved view', remove });
  }
  if (wanted !== '' && readId(text).kind === 'none') {
    const name = text.trim().slice(0, 100);
    const here = path.peek() + queryText.peek();
    const act = () => told(api.saveView(name, here), `saved as ${name}`);
    entries.push({ to: here, act, label: `Save this screen as “${plain(name)}”`, detail: 'new view' });
  }
  return entries;
}
