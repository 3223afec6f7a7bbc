// Beside the editor: views that were saved on the server, and what was run in this browser.
import { useSignal } from '@preact/signals';
import { ApiError } from '@/api/client';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import type { Language } from '@/api/query_language';
import { answer } from '@/app/announce';
import { href, path, queryText } from '@/app/location';
import { shortened } from '@/model/text';
import { Failure } from '@/ui/states';
import { Text } from '@/ui/text';
import { forgetAll, historyOf } from './history';

interface Props {
  language: Language;
  onChoose: (text: string) => void;
}

export function Kept({ language, onChoose }: Props) {
  return (
    <>
      <Views />
      <section aria-label="History">
        <h3>
          History{' '}
          {historyOf(language).length > 0 && (
            <button type="button" class="link" onClick={() => forgetAll(language)}>
              forget
            </button>
          )}
        </h3>
        {historyOf(language).length === 0 ? (
          <p class="detail">What is run here stays here, in this browser.</p>
        ) : (
          <ul class="kept-list">
            {historyOf(language).map((text) => (
              <li key={text}>
                <button type="button" class="kept" title={shortened(text, 500)} onClick={() => onChoose(text)}>
                  <Text text={text.replace(/\s+/g, ' ')} max={120} />
                </button>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

function Views() {
  const here = path.value;
  const views = useLoad(here, (signal) => api.views(signal));
  const name = useSignal('');
  const failure = useSignal<ApiError | null>(null);
  const mine = (views.data.value ?? []).filter((view) => view.url.startsWith(`${here}?`));
  const attempt = async (what: () => Promise<unknown>, said: string) => {
    try {
      await what();
      failure.value = null;
      answer(said);
      views.run();
    } catch (error) {
      failure.value = error instanceof ApiError ? error : new ApiError(String(error), -1);
    }
  };
  const save = (event: Event) => {
    event.preventDefault();
    const wanted = name.value.trim();
    if (wanted === '') return;
    void attempt(async () => {
      await api.saveView(wanted, here + queryText.peek());
      name.value = '';
    }, `saved as ${wanted}`);
  };
  return (
    <section aria-label="Saved views">
      <h3>Saved</h3>
      {mine.length > 0 && (
        <ul class="kept-list">
          {mine.map((view) => (
            <li key={view.id}>
              <a class="kept" href={href(view.url)}>
                <Text text={view.name} max={80} />
              </a>
              <button
                type="button"
                class="icon"
                aria-label={`Delete the view ${view.name}`}
                title="Delete"
                onClick={() => attempt(() => api.deleteView(view.id), `deleted ${view.name}`)}
              >
                <span aria-hidden="true">×</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <form class="save-view" onSubmit={save}>
        <input
          aria-label="A name for this query"
          placeholder="name"
          value={name.value}
          maxLength={120}
          onInput={(event) => {
            name.value = event.currentTarget.value;
          }}
        />
        <button type="submit" disabled={name.value.trim() === ''}>
          Save
        </button>
      </form>
      {failure.value && <Failure error={failure.value} what="saving" />}
      {views.error.value && <Failure error={views.error.value} what="the saved views" onRetry={() => views.run()} />}
    </section>
  );
}
