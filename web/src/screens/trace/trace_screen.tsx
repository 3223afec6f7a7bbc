// One trace: its outline is read once, then shown by one of the views.
import { useEffect, useMemo, useRef } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { isEmbedded } from '@/app/embedded';
import type { ScreenProps } from '@/app/screens';
import { readTracePath } from '@/model/ids';
import { nameOf, readOutline } from '@/model/outline';
import { plain, shortened } from '@/model/text';
import { Boundary } from '@/ui/boundary';
import { Empty, Failure, Progress, Skeleton } from '@/ui/states';
import '@/styles/trace.css';
import { TraceHeader } from './header';
import { createTraceModel, type TraceModel } from './model';
import { NotFound } from './not_found';
import { Tabs } from './tabs';
import { viewOf } from './views';

export default function TraceScreen({ parameters }: ScreenProps) {
  const ids = readTracePath(parameters.id);
  if (!ids) {
    return (
      <Empty title="This is no trace id">
        <p>
          A trace id has up to 32 hexadecimal digits; <code>{shortened(plain(parameters.id), 80)}</code> has others.
          Ctrl K finds runs by their names and by the beginning of an id.
        </p>
      </Empty>
    );
  }
  return <OneTrace traceId={ids.a} key={ids.a} />;
}

function OneTrace({ traceId }: { traceId: string }) {
  const load = useLoad(traceId, async (signal) => readOutline(traceId, await api.outline(traceId, signal)));
  const outline = load.data.value;
  const last = useRef<TraceModel | null>(null);
  const model = useMemo(() => {
    last.current?.close();
    last.current = outline ? createTraceModel(outline) : null;
    return last.current;
  }, [outline]);
  useEffect(() => () => last.current?.close(), []);
  useEffect(() => {
    if (model && model.root >= 0)
      document.title = `${plain(shortened(nameOf(model.outline, model.root), 60))} · MeshFlow`;
  }, [model]);

  const error = load.error.value;
  if (error?.status === 404 && !model) return <NotFound traceId={traceId} onFound={() => load.run()} />;
  return (
    <div class="trace">
      <Progress since={load.since.value} what="the trace" onCancel={load.cancel} />
      {error && <Failure error={error} what="the trace" onRetry={() => load.run()} />}
      {!model && load.since.value !== null && <Skeleton rows={16} />}
      {model && (
        <>
          {!isEmbedded.value && (
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
