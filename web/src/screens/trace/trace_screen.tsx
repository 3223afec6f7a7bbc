// One trace: its outline is read once, then shown by one of the views.
import { useComputed } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { useLoad } from '@/api/load';
import { hidesSummary } from '@/app/embedded';
import { query } from '@/app/location';
import type { ScreenProps } from '@/app/screens';
import { readTracePath } from '@/model/ids';
import { nameOf } from '@/model/outline';
import { plain, shortened } from '@/model/text';
import { readTrace } from '@/model/trace_url';
import { Boundary } from '@/ui/boundary';
import { Empty, Failure, Loaded, Progress, Skeleton } from '@/ui/states';
import '@/styles/trace.css';
import { TraceHeader } from './header';
import { useOutline } from './live';
import { createTraceModel, type TraceModel } from './model';
import { NotFound } from './not_found';
import { Tabs } from './tabs';
import { viewOf } from './views';

export default function TraceScreen({ parameters }: ScreenProps) {
  const ids = readTracePath(parameters.id);
  if (!ids) {
    return (
      <Empty title="This is no trace id" isPage>
        <p>
          A trace id has up to 32 hexadecimal digits; <code>{shortened(plain(parameters.id), 80)}</code> has others.
          Ctrl K finds runs by their names and by the beginning of an id.
        </p>
      </Empty>
    );
  }
  if (ids.b !== null) return <TwoTraces a={ids.a} b={ids.b} key={`${ids.a} ${ids.b}`} />;
  return <OneTrace traceId={ids.a} key={ids.a} />;
}

type CompareComponent = ComponentType<{ a: string; b: string }>;

// Loaded when first wanted.
function TwoTraces(ids: { a: string; b: string }) {
  const load = useLoad<CompareComponent>('compare', async () => (await import('@/screens/compare/compare')).default);
  useEffect(() => {
    document.title = 'Compare · MeshFlow';
  }, []);
  return (
    <Loaded load={load} what="the comparison's files" rows={12}>
      {(Compare) => <Compare {...ids} />}
    </Loaded>
  );
}

function OneTrace({ traceId }: { traceId: string }) {
  const isLive = useComputed(() => readTrace(query.value).live).value;
  const { load, outline } = useOutline(traceId, isLive);
  const last = useRef<TraceModel | null>(null);
  const model = useMemo(() => {
    const before = last.current;
    last.current = outline ? createTraceModel(outline, before) : null;
    before?.close();
    return last.current;
  }, [outline]);
  useEffect(() => () => last.current?.close(), []);
  const title = model && model.root >= 0 ? nameOf(model.outline, model.root) : '';
  useEffect(() => {
    if (title !== '') document.title = `${plain(shortened(title, 60))} · MeshFlow`;
  }, [title]);

  const error = load.error.value;
  if (error?.status === 404 && !model) return <NotFound traceId={traceId} onFound={() => load.run()} />;
  return (
    <div class="trace">
      <Progress since={load.since.value} what="the trace" onCancel={load.cancel} />
      {error && <Failure error={error} what="the trace" onRetry={() => load.run()} />}
      {!model && load.since.value !== null && <Skeleton rows={16} />}
      {model && (
        <>
          {!hidesSummary.value && (
            <Boundary what="the head of the trace">
              <TraceHeader model={model} />
            </Boundary>
          )}
          <Tabs model={model} />
          <Boundary what={`the ${model.state.value.view}`} key={model.state.value.view}>
            <View model={model} />
          </Boundary>
        </>
      )}
    </div>
  );
}

function View({ model }: { model: TraceModel }) {
  const view = viewOf(model.state.value.view);
  const Shown = view.component.value;
  useEffect(() => view.load(), [view]);
  if (view.error.value) return <Failure error={view.error.value} what={`the view ${view.name}`} onRetry={view.load} />;
  return Shown ? <Shown model={model} /> : <Skeleton rows={12} />;
}
