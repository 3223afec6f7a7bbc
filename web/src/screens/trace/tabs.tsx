import { useKeys } from '@/app/keys';
import type { TraceModel } from './model';
import { views } from './views';

// The views of the trace; keys 1, 2, …
export function Tabs({ model }: { model: TraceModel }) {
  useKeys(
    () =>
      views.map((view, i) => ({
        keys: String(i + 1),
        does: view.name,
        group: 'Views of the trace',
        run: () => model.change({ view: view.id }),
      })),
    [model],
  );
  const shown = model.state.value.view;
  return (
    <nav class="tabs" aria-label="Views of the trace">
      {views.map((view, i) => (
        <button
          type="button"
          key={view.id}
          aria-current={view.id === shown ? 'page' : undefined}
          onClick={() => model.change({ view: view.id })}
          title={`${view.name} (${i + 1})`}
        >
          {view.name}
        </button>
      ))}
    </nav>
  );
}
