// What the trace is and what it came to.
import type { ComponentChild } from 'preact';
import { address } from '@/api/client';
import * as api from '@/api/endpoints';
import { openedTrace } from '@/api/opened';
import { href } from '@/app/location';
import { capabilities } from '@/app/server';
import { nameOf } from '@/model/outline';
import { carbon, count, duration, money } from '@/model/units';
import { Copy } from '@/ui/copy';
import { StatusMark } from '@/ui/marks';
import { Partial } from '@/ui/states';
import { Text } from '@/ui/text';
import { Time } from '@/ui/time';
import { LedgerBadge } from './ledger_badge';
import type { TraceModel } from './model';

export function TraceHeader({ model }: { model: TraceModel }) {
  const { outline, tree } = model;
  const run = outline.run;
  const workflow = run?.workflow
    ? `${run.workflow}${run.version ? ` ${/^\d/.test(run.version) ? 'v' : ''}${run.version}` : ''}`
    : '';
  return (
    <header class="trace-head">
      <div class="trace-title">
        <h1>
          <Text text={model.root < 0 ? '(no spans)' : nameOf(outline, model.root) || '(no name)'} max={120} />
          {workflow && (
            <span class="trace-workflow">
              <Text text={workflow} max={60} />
            </span>
          )}
        </h1>
        <span class="gap" />
        {run?.run_id && (
          <span class="mono id">
            <Text text={run.run_id} max={40} />
            <Copy label="Copy the run id" text={() => run.run_id!} />
          </span>
        )}
        <span class="mono id" title="trace id">
          {outline.traceId}
          <Copy label="Copy the trace id" text={() => outline.traceId} />
        </span>
        <Copy label="Copy the link" text={() => window.location.href}>
          link
        </Copy>
        <a href={address(api.otlpJsonPath(outline.traceId))} data-native download={`${outline.traceId}.otlp.json`}>
          OTLP
        </a>
        <a href={address(api.jaegerJsonPath(outline.traceId))} data-native>
          Jaeger JSON
        </a>
      </div>
      <dl class="facts-line">
        {run?.status && <Fact name="Status" value={<StatusMark status={run.status} />} />}
        <Fact name="Start" value={<Time nanos={outline.startNs} />} />
        <Fact name="Duration" value={duration(outline.total)} />
        <Fact name="Spans" value={count(run?.spans ?? outline.count)} />
        <Fact name="Depth" value={count(outline.count === 0 ? 0 : tree.depthMax + 1)} />
        <Fact name="Services" value={count(outline.services.length)} />
        <Fact name="Errors" value={<Trouble value={model.errors} glyph="⚠" />} />
        {(outline.roles.length > 0 || model.blocked > 0) && (
          <Fact name="Blocks" value={<Trouble value={model.blocked} glyph="⊘" />} />
        )}
        {run?.cost_nano_usd != null && <Fact name="Cost" value={money(run.cost_nano_usd)} />}
        {run?.tokens?.total != null && <Fact name="Tokens" value={count(run.tokens.total)} />}
        {run?.carbon_g != null && <Fact name="Carbon" value={carbon(run.carbon_g)} />}
        {run?.run_id && capabilities.value?.runtime && (
          <Fact name="Ledger" value={<LedgerBadge runId={run.run_id} />} />
        )}
      </dl>
      <Gaps model={model} />
    </header>
  );
}

function Fact({ name, value }: { name: string; value: ComponentChild }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Trouble({ value, glyph }: { value: number; glyph: string }) {
  if (value === 0) return <span class="zero">0</span>;
  return (
    <span class="bad">
      <span aria-hidden="true">{glyph}</span> {count(value)}
    </span>
  );
}

// What is not as it should be with the data itself.
function Gaps({ model }: { model: TraceModel }) {
  const { outline, tree } = model;
  const orphans = outline.missing.reduce((sum, each) => sum + each.children.length, 0);
  const folded = [...outline.folded.values()].reduce((sum, each) => sum + (each.hidden ?? each.count), 0);
  const roots = model.roots.filter((span) => outline.parent[span] === -1).length;
  return (
    <>
      {openedTrace(outline.traceId) && <Partial>opened from a file; nothing of it is stored</Partial>}
      {outline.count > 0 && roots === 0 && <Partial>no root span has arrived</Partial>}
      {roots > 1 && <Partial>{count(roots)} root spans share this trace id</Partial>}
      {orphans > 0 && (
        <Partial>
          {count(orphans)} {orphans === 1 ? 'span names a parent that has' : 'spans name parents that have'} not arrived
        </Partial>
      )}
      {tree.cut > 0 && (
        <Partial>
          {count(tree.cut)} circle{tree.cut === 1 ? '' : 's'} of parents: cut at the earliest span
        </Partial>
      )}
      {folded > 0 && (
        <Partial>
          {count(folded)} spans stand in {count(outline.folded.size)} folded rows of like-named siblings;{' '}
          <a href={href(`/trace/${outline.traceId}?view=table`)}>the table</a> and the export have all
        </Partial>
      )}
      {!outline.complete && outline.count > 0 && roots === 1 && <Partial>spans may still arrive</Partial>}
    </>
  );
}
