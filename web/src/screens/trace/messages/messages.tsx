// Messages: what was said and called, where content was captured.
import { useMemo } from 'preact/hooks';
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';
import { type Message, messagesOf } from '@/model/messages';
import { Flag, Kind, nodeOf, roleOf } from '@/model/outline';
import { titleOf } from '@/model/row_words';
import { count, duration, money } from '@/model/units';
import { KindGlyph } from '@/ui/marks';
import { Empty, Loaded, Partial } from '@/ui/states';
import { Text, Value } from '@/ui/text';
import '@/styles/messages.css';
import type { TraceModel } from '../model';

const kSpansMax = 100; // whole spans that are read at once
const kAtOnce = 6;

interface Said {
  readonly span: number;
  readonly messages: readonly Message[];
}

export default function MessagesView({ model }: { model: TraceModel }) {
  const { outline, tree } = model;
  const spans = useMemo(
    () =>
      Array.from(tree.order)
        .filter(
          (span) =>
            (outline.flags[span] & Flag.content) !== 0 &&
            (outline.kind[span] === Kind.model ||
              outline.kind[span] === Kind.tool ||
              outline.kind[span] === Kind.other),
        )
        .sort((a, b) => outline.start[a] - outline.start[b]),
    [outline],
  );
  const load = useLoad<Said[]>(`${outline.traceId} ${outline.revision}`, async (signal) => {
    const wanted = spans.slice(0, kSpansMax);
    const said: Said[] = new Array(wanted.length);
    let next = 0;
    const work = async () => {
      while (next < wanted.length) {
        const at = next++;
        const whole = await api.span(outline.traceId, outline.spanId(wanted[at]), signal);
        said[at] = { span: wanted[at], messages: messagesOf(whole.attributes) };
      }
    };
    await Promise.all(Array.from({ length: kAtOnce }, work));
    return said.filter((each) => each.messages.length > 0);
  });
  if (spans.length === 0) {
    return (
      <Empty title="Nothing that was said was captured">
        <p>
          By default prompts and answers stay out of traces. With <code>capture_content: true</code> in the policy of a
          workflow (<code>Policy(capture_content=True)</code> in Python) they go into its spans, and are shown here.
        </p>
      </Empty>
    );
  }
  return (
    <div class="messages">
      <Loaded load={load} what="what was said">
        {(all) => (
          <>
            {spans.length > kSpansMax && (
              <Partial>
                the first {count(kSpansMax)} of {count(spans.length)} calls
              </Partial>
            )}
            {all.map((said) => (
              <Call said={said} model={model} key={said.span} />
            ))}
          </>
        )}
      </Loaded>
    </div>
  );
}

function Call({ said, model }: { said: Said; model: TraceModel }) {
  const { outline } = model;
  const { span } = said;
  return (
    <section class="call" aria-label={titleOf(outline, span)}>
      <p class="call-head">
        <KindGlyph kind={outline.kind[span]} tone={model.tone(span)} />
        <button
          type="button"
          class="link"
          onClick={() => model.change({ view: 'waterfall', span: outline.spanId(span) })}
        >
          <Text text={titleOf(outline, span)} max={100} />
        </button>
        <span class="detail">
          <Text
            text={[nodeOf(outline, span), roleOf(outline, span)].filter((each) => each !== '').join(' · ')}
            max={80}
          />
        </span>
        <span class="detail">
          +{duration(outline.start[span])} · {duration(outline.duration[span])}
          {!Number.isNaN(outline.cost[span]) && ` · ${money(outline.cost[span])}`}
        </span>
      </p>
      {said.messages.map((message, i) => (
        <div class={`message from-${kSides[message.role] ?? 'other'}`} key={i}>
          <span class="message-role">
            <Text text={message.role} max={40} />
          </span>
          <div class="message-parts">
            {message.parts.map((part, at) => (
              <div key={at}>
                {part.kind !== 'text' && (
                  <span class="detail">
                    {part.kind === 'call' ? 'calls' : part.kind === 'result' ? 'result' : ''}{' '}
                    <Text text={part.name} max={80} />{' '}
                  </span>
                )}
                <Value text={part.text} />
              </div>
            ))}
            {message.finish !== '' && message.finish !== 'stop' && <span class="detail">ended: {message.finish}</span>}
          </div>
        </div>
      ))}
    </section>
  );
}

const kSides: Record<string, string> = { system: 'system', user: 'user', assistant: 'assistant', tool: 'tool' };
