// Everything that is known of one span: asked for when it is selected.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import type { Attribute, SpanAnswer } from '@/api/types';
import { href } from '@/app/location';
import { kindName } from '@/model/look';
import { nameOf, roleOf } from '@/model/outline';
import { selfTime } from '@/model/self_time';
import { duration, money } from '@/model/units';
import { Copy } from '@/ui/copy';
import { KindGlyph } from '@/ui/marks';
import { Loaded, Partial } from '@/ui/states';
import { Text, Value } from '@/ui/text';
import { Time } from '@/ui/time';
import type { TraceModel } from '../model';
import { Attributes } from './attributes';
import { BlockedCard } from './blocked_card';

export function SpanDetail({ model, span }: { model: TraceModel; span: number }) {
  const { outline, tree } = model;
  const id = outline.spanId(span);
  const load = useLoad(id, (signal) => api.span(outline.traceId, id, signal));
  return (
    <div class="span-detail">
      <header class="detail-head">
        <h2 tabIndex={-1} data-detail-start>
          <KindGlyph kind={outline.kind[span]} tone={model.tone(span)} />{' '}
          <Text text={nameOf(outline, span) || '(no name)'} max={2000} />
        </h2>
        <button
          type="button"
          class="icon"
          aria-label="Close the details"
          title="Close (Esc)"
          onClick={() => model.select(-1)}
        >
          ✕
        </button>
      </header>
      <p class="detail-line">
        <span class="mono">{id}</span>
        <Copy label="Copy the span id" text={() => id} />
        <span>{kindName(outline.kind[span])}</span>
        {roleOf(outline, span) && (
          <span class="role">
            <Text text={roleOf(outline, span)} max={60} />
          </span>
        )}
      </p>
      <dl class="facts-line">
        <Fact name="Start">+{duration(outline.start[span])}</Fact>
        <Fact name="Duration">{duration(outline.duration[span])}</Fact>
        {tree.firstChild[span] >= 0 && <Fact name="Self">{duration(selfTime(tree, outline, span))}</Fact>}
        {!Number.isNaN(outline.cost[span]) && <Fact name="Cost">{money(outline.cost[span])}</Fact>}
        {!Number.isNaN(outline.tokens[span]) && <Fact name="Tokens">{outline.tokens[span]}</Fact>}
      </dl>
      <Loaded load={load} what="the span" rows={10}>
        {(whole) => <Whole model={model} span={span} whole={whole} />}
      </Loaded>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Whole({ model, span, whole }: { model: TraceModel; span: number; whole: SpanAnswer }) {
  const [wanted, setWanted] = useState('');
  useEffect(() => setWanted(''), [whole]);
  const groups = groupsOf(whole);
  // A blocked span's status repeats why it was blocked.
  const isSaidByCard = whole.attributes.some(
    (each) => each.key === 'meshflow.block_reason' && each.value === whole.status.message,
  );
  const fits = (attribute: Attribute) =>
    wanted === '' || `${attribute.key} ${attribute.value}`.toLowerCase().includes(wanted.toLowerCase());
  const total = groups.reduce((sum, [, attributes]) => sum + attributes.length, 0);
  return (
    <>
      <BlockedCard model={model} span={span} whole={whole} />
      {whole.status.code === 'error' && !isSaidByCard && (
        <p class="error-card">
          <span aria-hidden="true">⚠</span> <strong>Error</strong>{' '}
          {whole.status.message && <Value text={whole.status.message} />}
        </p>
      )}
      <dl class="facts-line">
        <Fact name="Started">
          <Time nanos={whole.start_ns} />
        </Fact>
        <Fact name="Kind">{whole.kind}</Fact>
        <Fact name="Status">{whole.status.code}</Fact>
        {whole.parent_span_id && (
          <Fact name="Parent">
            <ParentLink model={model} id={whole.parent_span_id} />
          </Fact>
        )}
      </dl>
      {total > 8 && (
        <input
          class="attribute-search"
          type="text"
          aria-label="Search the attributes"
          placeholder={`Search ${total} attributes`}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      {groups.map(([name, attributes]) => (
        <Attributes
          key={name}
          name={name}
          attributes={attributes.filter(fits)}
          total={attributes.length}
          scope={name === 'resource' ? 'resource' : 'span'}
          isOpen={wanted !== '' || (name !== 'resource' && name !== 'scope')}
        />
      ))}
      {(whole.dropped_attributes ?? 0) > 0 && (
        <Partial>{whole.dropped_attributes} attributes were dropped by the sender</Partial>
      )}
      {whole.events.length > 0 && <Events model={model} whole={whole} />}
      {whole.links.length > 0 && <Links model={model} whole={whole} />}
      <Raw raw={whole.raw} />
    </>
  );
}

function ParentLink({ model, id }: { model: TraceModel; id: string }) {
  const parent = model.outline.indexOf(id);
  if (parent < 0) return <span class="mono">{id} (has not arrived)</span>;
  return (
    <button type="button" class="link" onClick={() => model.select(parent)}>
      <Text text={nameOf(model.outline, parent)} max={60} />
    </button>
  );
}

// In groups: MeshFlow's own, GenAI's, the rest, resource, scope.
function groupsOf(whole: SpanAnswer): [string, Attribute[]][] {
  const own = (prefix: string) => whole.attributes.filter((each) => each.key.startsWith(prefix));
  const scope: Attribute[] = [
    { key: 'otel.scope.name', type: 'string', value: whole.scope.name },
    { key: 'otel.scope.version', type: 'string', value: whole.scope.version },
    ...(whole.scope.attributes ?? []),
  ].filter((each) => each.value !== '');
  const groups: [string, Attribute[]][] = [
    ['meshflow', own('meshflow.')],
    ['gen_ai', own('gen_ai.')],
    ['other', whole.attributes.filter((each) => !each.key.startsWith('meshflow.') && !each.key.startsWith('gen_ai.'))],
    ['resource', whole.resource.attributes],
    ['scope', scope],
  ];
  return groups.filter(([, attributes]) => attributes.length > 0);
}

const kEventsShown = 200;

function Events({ model, whole }: { model: TraceModel; whole: SpanAnswer }) {
  const [isWhole, setWhole] = useState(false);
  const start = model.outline.startNs;
  const shown = isWhole ? whole.events : whole.events.slice(0, kEventsShown);
  return (
    <details class="attributes" open>
      <summary>
        Events <span class="detail-count">{whole.events.length}</span>
      </summary>
      <ol class="events">
        {shown.map((event, i) => (
          <li key={i}>
            <p>
              <span class="mono">+{duration(Number(BigInt(event.time_ns) - start))}</span>{' '}
              <strong>
                <Text text={event.name} max={400} />
              </strong>
            </p>
            {event.attributes.length > 0 && (
              <Attributes name="" attributes={event.attributes} total={event.attributes.length} scope="event" isOpen />
            )}
          </li>
        ))}
      </ol>
      {shown.length < whole.events.length && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          show all {whole.events.length} events
        </button>
      )}
      {(whole.dropped_events ?? 0) > 0 && <Partial>{whole.dropped_events} events were dropped by the sender</Partial>}
    </details>
  );
}

function Links({ model, whole }: { model: TraceModel; whole: SpanAnswer }) {
  return (
    <details class="attributes" open>
      <summary>
        Links <span class="detail-count">{whole.links.length}</span>
      </summary>
      <ul class="links">
        {whole.links.map((link, i) => {
          const here = link.trace_id === model.outline.traceId ? model.outline.indexOf(link.span_id) : -1;
          return (
            <li key={i}>
              {here >= 0 ? (
                <button type="button" class="link" onClick={() => model.select(here)}>
                  <Text text={nameOf(model.outline, here)} max={80} />
                </button>
              ) : (
                <a href={href(`/trace/${link.trace_id}?span=${link.span_id}`)}>
                  <code>{link.trace_id}</code>
                </a>
              )}{' '}
              <span class="mono">{link.span_id}</span>
              {link.attributes.length > 0 && (
                <Attributes name="" attributes={link.attributes} total={link.attributes.length} scope="link" isOpen />
              )}
            </li>
          );
        })}
      </ul>
      {(whole.dropped_links ?? 0) > 0 && <Partial>{whole.dropped_links} links were dropped by the sender</Partial>}
    </details>
  );
}

function Raw({ raw }: { raw: unknown }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="attributes" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Raw span</summary>
      {isOpen && (
        <div class="raw">
          <Copy label="Copy the raw span" text={() => JSON.stringify(raw, null, 2)}>
            copy
          </Copy>
          <pre>
            <Value text={JSON.stringify(raw, null, 2)} />
          </pre>
        </div>
      )}
    </details>
  );
}
