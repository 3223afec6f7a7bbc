// No run fits: which condition excludes them all, and how many there would be without it; or the store is empty.
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { capabilities, listeners } from '@/app/server';
import { type SearchState, writeSearch } from '@/model/search_url';
import { count } from '@/model/units';
import { Empty } from '@/ui/states';
import { questionOf, relaxations } from './question';

export function Nothing({ state, onWiden }: { state: SearchState; onWiden: (state: SearchState) => void }) {
  const choices = relaxations(state);
  const counts = useLoad(writeSearch(state).toString(), (signal) =>
    Promise.all(
      choices.map(async (choice) => {
        const answer = await api.runs({ ...questionOf(choice.state), limit: 1 }, signal).catch(() => null);
        return answer ? (answer.total ?? answer.runs.length) : 0;
      }),
    ),
  );
  const found = choices
    .map((choice, i) => ({ ...choice, total: counts.data.value?.[i] ?? 0 }))
    .filter((choice) => choice.total > 0)
    .sort((a, b) => b.total - a.total);
  if (Number(capabilities.value?.spans ?? -1) === 0) return <EmptyStore />;
  return (
    <Empty title="0 traces">
      {found.length === 0 ? (
        <p>
          {counts.data.value === null
            ? 'Looking which condition excludes them…'
            : 'No trace fits, whichever one condition is left out.'}
        </p>
      ) : (
        <>
          <p>
            Without <strong>{found[0].name}</strong> there {found[0].total === 1 ? 'is' : 'are'}{' '}
            {traces(found[0].total)}.
          </p>
          <p>
            <button type="button" class="primary" onClick={() => onWiden(found[0].state)}>
              {found[0].name === 'Lookback' ? 'Search all times' : `Leave out ${found[0].name}`}
            </button>
          </p>
          {found.length > 1 && (
            <p class="hint">
              Others:{' '}
              {found.slice(1).map((each, i) => (
                <span key={each.name}>
                  {i > 0 && ', '}
                  <button type="button" class="link" onClick={() => onWiden(each.state)}>
                    without {each.name} {traces(each.total)}
                  </button>
                </span>
              ))}
            </p>
          )}
        </>
      )}
    </Empty>
  );
}

const traces = (total: number) => (total === 1 ? '1 trace' : `${count(total)} traces`);

function EmptyStore() {
  const otlp = listeners.value.filter((each) => each.name.startsWith('otlp'));
  return (
    <Empty title="Nothing is stored yet">
      <p>Run something; it appears here as it happens:</p>
      <pre class="commands">
        {
          'MESHFLOW_MOCK=1 python3 hands_on/18_opentelemetry.py\nmeshflow run examples/default_team.yaml --task "Should we open a second shop?"'
        }
      </pre>
      {otlp.length > 0 && (
        <p>
          Anything else that speaks OpenTelemetry sends to{' '}
          {otlp.map((each, i) => (
            <span key={each.name}>
              {i > 0 && ' or '}
              <code>{each.name === 'otlp-http' ? `http://${each.address}` : each.address}</code> (
              {each.name === 'otlp-http' ? 'OTLP over HTTP' : 'OTLP over gRPC'})
            </span>
          ))}
          .
        </p>
      )}
    </Empty>
  );
}
