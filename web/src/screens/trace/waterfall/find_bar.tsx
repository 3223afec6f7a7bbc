// Find: text or a TraceQL filter, and what is ready-made. What matches is counted, the rest is dimmed.
import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { capabilities } from '@/app/server';
import { kFinds } from '@/model/trace_url';
import { count } from '@/model/units';
import type { TraceModel } from '../model';

const kAskAfterMs = 250;

export function FindBar({ model, onStep }: { model: TraceModel; onStep: (by: 1 | -1) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const text = model.state.value.find;
  const [asked, setAsked] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), kAskAfterMs);
    return () => clearTimeout(timer);
  }, [text]);
  const isOurs = (kFinds as readonly string[]).includes(asked.toLowerCase()) || asked === '';
  const load = useLoad(asked, (signal) =>
    isOurs ? Promise.resolve<number[]>([]) : api.find(model.outline.traceId, asked, model.outline.revision, signal),
  );
  const found = load.data.value;
  useEffect(() => {
    if (found) model.serverMatches.value = { text: asked, spans: found.filter((span) => span < model.outline.count) };
  }, [found]);

  const matches = model.matches.value;
  const error = asked === text.trim() && !isOurs ? load.error.value : null;
  return (
    <form
      class="find"
      role="search"
      aria-label="Find in this trace"
      onSubmit={(event) => {
        event.preventDefault();
        onStep(1);
      }}
    >
      <input
        ref={field}
        data-first-field
        type="text"
        value={text}
        placeholder="Find: text, or { status = error }"
        aria-label="Find spans: text or a TraceQL filter"
        aria-invalid={error !== null}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => model.change({ find: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          if (text === '') field.current?.blur();
          else model.change({ find: '' });
        }}
      />
      <span class="find-count" role="status">
        {matches === null
          ? ''
          : load.since.value !== null && asked !== ''
            ? '…'
            : matches.length === 1
              ? '1 match'
              : `${count(matches.length)} matches`}
      </span>
      {matches !== null && matches.length > 0 && (
        <>
          <button
            type="button"
            class="icon"
            aria-label="Previous match"
            title="Previous match (N)"
            onClick={() => onStep(-1)}
          >
            ↑
          </button>
          <button type="button" class="icon" aria-label="Next match" title="Next match (n)" onClick={() => onStep(1)}>
            ↓
          </button>
        </>
      )}
      <span class="finds">
        {kFinds.map((each) => (
          <button
            type="button"
            class="chip"
            aria-pressed={text === each}
            key={each}
            onClick={() => model.change({ find: text === each ? '' : each })}
          >
            {each}
          </button>
        ))}
      </span>
      <span class="gap" />
      {capabilities.value?.live && (
        <button
          type="button"
          class="chip"
          aria-pressed={model.state.value.live}
          title="Follow the trace as it grows (l)"
          onClick={() => model.change({ live: !model.state.value.live })}
        >
          ● live
        </button>
      )}
      <button
        type="button"
        class="chip"
        aria-pressed={model.state.value.critical}
        title="Critical path (c)"
        onClick={() => model.change({ critical: !model.state.value.critical })}
      >
        ━ path
      </button>
      <button
        type="button"
        class="link"
        title="Expand all ([)"
        onClick={() => {
          model.collapsed.value = new Set();
        }}
      >
        expand all
      </button>
      <button type="button" class="link" title="Collapse all (])" onClick={() => collapseBelowRoots(model)}>
        collapse
      </button>
      {error && (
        <p class="find-problem" role="alert">
          ⚠ {error.message}
          {error.hint ? ` – ${error.hint}` : ''}
        </p>
      )}
    </form>
  );
}

// Leaves the roots and what is right below them.
function collapseBelowRoots(model: TraceModel) {
  const next = new Set<number>();
  for (let span = 0; span < model.tree.count; ++span) {
    if (model.tree.depth[span] >= 1 && model.tree.firstChild[span] >= 0) next.add(span);
  }
  model.collapsed.value = next;
}
