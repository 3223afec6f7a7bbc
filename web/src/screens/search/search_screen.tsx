// Search: which runs were there, which is mine, which cost more?
import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { listen } from '@/api/stream';
import { query, setQuery } from '@/app/location';
import { readSearch, type SearchState, writeSearch } from '@/model/search_url';
import { Boundary } from '@/ui/boundary';
import { Loaded } from '@/ui/states';
import '@/styles/search.css';
import { SearchForm } from './form';
import { Nothing } from './nothing';
import { questionOf } from './question';
import { Results } from './results';

const kLiveEveryMs = 2000;

// The frame's own parameters stay in the address.
export function go(state: SearchState, replace = false) {
  const next = writeSearch(state);
  for (const name of ['uiEmbed', 'uiTheme', 'uiSearchHideGraph']) {
    const value = query.peek().get(name);
    if (value !== null) next.set(name, value);
  }
  setQuery(next, { replace });
}

export default function SearchScreen() {
  const state = useComputed(() => readSearch(query.value)).value;
  const again = useSignal(0);
  const services = useLoad('services', (signal) => api.services(signal));
  const names = services.data.value;
  // The one service that there is, is meant.
  const isDecided =
    state.service !== '' || state.traceIds.length > 0 || names !== null || services.error.value !== null;
  const only =
    state.service === '' && state.traceIds.length === 0 && names?.length === 1 && !query.value.has('service');
  useEffect(() => {
    if (only) go({ ...state, service: names[0] }, true);
  }, [only]);

  const key = isDecided && !only ? `${again.value} ${writeSearch(state)}` : '';
  const runs = useLoad(key, (signal) =>
    key === '' ? new Promise<never>(() => {}) : api.runs(questionOf(state), signal),
  );
  useEffect(() => {
    if (!state.live || key === '') return;
    // What is told is that something changed; the question is asked again, at most every two seconds.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const askSoon = () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        runs.run();
      }, kLiveEveryMs);
    };
    const stop = listen({ topic: 'runs' }, { run: askSoon, gap: askSoon });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [state.live, key]);
  return (
    <div class="search">
      <h1 class="unseen">Search</h1>
      <Boundary what="the search form">
        <SearchForm
          state={state}
          services={names ?? []}
          answer={runs.data.value}
          onFind={(next) => {
            again.value += 1;
            go(next);
          }}
        />
      </Boundary>
      <div class="search-results">
        <Boundary what="the runs that were found">
          <Loaded load={runs} what="the runs" rows={12}>
            {(answer) =>
              answer.runs.length === 0 ? (
                <Nothing state={state} onWiden={(next) => go(next)} />
              ) : (
                <Results state={state} answer={answer} onState={(next) => go(next)} />
              )
            }
          </Loaded>
        </Boundary>
      </div>
    </div>
  );
}
