// The views of one trace, each loaded when first wanted. A new view is a folder here and an entry below.
import { type Signal, signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { ApiError } from '@/api/client';
import type { TraceView } from '@/model/trace_url';
import type { TraceModel } from './model';

type ViewComponent = ComponentType<{ model: TraceModel }>;

export interface View {
  readonly id: TraceView;
  readonly name: string;
  readonly component: Signal<ViewComponent | null>;
  readonly error: Signal<ApiError | null>;
  readonly load: () => void;
}

function view(id: TraceView, name: string, get: () => Promise<{ default: ViewComponent }>): View {
  const component = signal<ViewComponent | null>(null);
  const error = signal<ApiError | null>(null);
  const load = () => {
    if (component.peek()) return;
    error.value = null;
    get()
      .then((module) => {
        component.value = module.default;
      })
      .catch(() => {
        error.value = new ApiError('its files could not be read from the server', 0, 'unreachable');
      });
  };
  return { id, name, component, error, load };
}

export const views: readonly View[] = [
  view('waterfall', 'Waterfall', () => import('./waterfall/waterfall')),
  view('table', 'Span table', () => import('./table/span_table')),
  view('graph', 'Agent graph', () => import('./graph/graph')),
  view('flame', 'Flame', () => import('./flame/flame')),
  view('messages', 'Messages', () => import('./messages/messages')),
  view('ledger', 'Ledger', () => import('./ledger/ledger')),
];

export const viewOf = (id: TraceView): View => views.find((each) => each.id === id) ?? views[0];
