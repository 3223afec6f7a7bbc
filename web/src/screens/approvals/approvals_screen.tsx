// Approvals: what waits for a person, and what exactly would it do?
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Approval, type ApprovalsAnswer, approvals, type Decided, decide } from '@/api/approvals';
import { ApiError } from '@/api/client';
import { type Load, useLoad } from '@/api/load';
import { listen } from '@/api/stream';
import { announce, answer as say } from '@/app/announce';
import { setWaiting } from '@/app/inbox';
import { href } from '@/app/location';
import { capabilities } from '@/app/server';
import { shortId } from '@/model/ids';
import { kRoles } from '@/model/look';
import { age, count, money } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { Copy } from '@/ui/copy';
import { Empty, Failure, Loaded } from '@/ui/states';
import { Text, Value } from '@/ui/text';
import { Age, Time } from '@/ui/time';
import '@/styles/panels.css';
import '@/styles/approvals.css';

const kAgainMs = 10_000; // where the server does not tell

export default function ApprovalsScreen() {
  const load = useLoad('approvals', approvals);
  const isLive = capabilities.value?.live === true;
  useEffect(() => {
    const again = () => load.since.peek() === null && load.run();
    if (isLive) {
      return listen(
        { topic: 'approvals' },
        {
          approval: (card: Approval) => {
            if (card.state === 'pending') announce(`${card.node_id} waits for a decision`);
            again();
          },
          gap: again,
        },
      );
    }
    const timer = setInterval(() => document.visibilityState === 'visible' && again(), kAgainMs);
    return () => clearInterval(timer);
  }, [isLive]);
  useEffect(() => {
    if (load.data.value) setWaiting(load.data.value.approvals);
  }, [load.data.value]);
  return (
    <div class="approvals">
      <h1 class="unseen">Approvals</h1>
      <Boundary what="what waits">
        <Loaded load={load} what="what waits for a decision">
          {(answer) => <Cards answer={answer} load={load} />}
        </Loaded>
      </Boundary>
    </div>
  );
}

function Cards({ answer, load }: { answer: ApprovalsAnswer; load: Load<ApprovalsAnswer> }) {
  const decided = useSignal<readonly { card: Approval; outcome: Decided }[]>([]);
  // What was decided elsewhere, or changed, while one looked: said here, for the card may be gone.
  const refused = useSignal<{ card: Approval; message: string } | null>(null);
  const pending = answer.approvals.filter((card) => card.state === 'pending');
  const others = answer.approvals.filter((card) => card.state !== 'pending');
  return (
    <>
      <div class="screen-bar">
        <h2 class="total">
          {pending.length === 0
            ? 'Nothing waits'
            : pending.length === 1
              ? '1 decision waits'
              : `${count(pending.length)} decisions wait`}
        </h2>
        <span class="gap" />
        {!answer.signed_in && answer.approvals.length > 0 && (
          <span>
            To decide, sign in with <code>meshflow ui</code>{' '}
            <Copy label="Copy the command" text={() => 'meshflow ui'} />
          </span>
        )}
      </div>
      {decided.value.map(({ card, outcome }) => (
        <p class="decided" role="status" key={card.id}>
          <strong>
            <Text text={card.node_id} max={80} />
          </strong>{' '}
          {outcome.state}; the run is {outcome.run_status}
          {continuation(outcome.continues_in)}
        </p>
      ))}
      {refused.value && (
        <p class="failure" role="alert">
          <strong>
            Nothing was decided on <Text text={refused.value.card.node_id} max={80} />:
          </strong>{' '}
          {refused.value.message}.{' '}
          {pending.some((card) => card.id === refused.value?.card.id)
            ? 'The card was read again; look at it once more.'
            : 'It waits no longer.'}
        </p>
      )}
      {pending.length === 0 && others.length === 0 && (
        <Empty title="Nothing waits">
          <p>A run that reaches a gate for a person pauses, and stands here until somebody decides.</p>
        </Empty>
      )}
      {[...pending, ...others].map((card) => (
        <Card
          key={card.id}
          card={card}
          mayDecide={answer.signed_in}
          onDecided={(outcome) => {
            refused.value = null;
            decided.value = [{ card, outcome }, ...decided.value];
            say(`${card.node_id} ${outcome.state}`);
            load.run();
          }}
          onChanged={(message) => {
            refused.value = { card, message };
            load.run();
          }}
        />
      ))}
    </>
  );
}

function continuation(where: string) {
  if (where === '' || where === 'server') return '';
  if (where.startsWith('meshflow ')) {
    return (
      <>
        ; it goes on with <code>{where}</code> <Copy label="Copy the command" text={() => where} />
      </>
    );
  }
  return `; it goes on in its own ${where}`;
}

interface CardProps {
  card: Approval;
  mayDecide: boolean;
  onDecided: (outcome: Decided) => void;
  onChanged: (message: string) => void;
}

function Card({ card, mayDecide, onDecided, onChanged }: CardProps) {
  const comment = useSignal('');
  const isSending = useSignal(false);
  const failure = useSignal<ApiError | null>(null);
  const send = async (decision: 'approve' | 'reject') => {
    isSending.value = true;
    try {
      onDecided(await decide(card.id, decision, comment.value.trim(), card.digest));
      failure.value = null;
    } catch (error) {
      const refusal = error instanceof ApiError ? error : new ApiError(String(error), -1);
      failure.value = refusal.status === 409 ? null : refusal;
      if (refusal.status === 409) onChanged(refusal.message);
    } finally {
      isSending.value = false;
    }
  };
  const role = card.role ?? '';
  const trace = card.trace_id && `/trace/${card.trace_id}${card.span_id ? `?span=${card.span_id}` : ''}`;
  const facts: readonly (readonly [string, preact.ComponentChild])[] = [
    ['Run', trace ? <a href={href(trace)}>{card.run_id}</a> : card.run_id],
    ['Workflow', [card.workflow, card.version].filter((each) => each).join(' ')],
    ['Risk', card.risk],
    ['Rule', card.rule_id],
    [
      'Value / threshold',
      card.value === null && card.threshold === null ? null : `${card.value ?? '–'} / ${card.threshold ?? '–'}`,
    ],
    ['Cost so far', card.cost_nano_usd === null ? null : money(card.cost_nano_usd)],
    ['Asked', <Time key="asked" nanos={card.requested_ns} />],
    ['Deadline', card.expires_ns === null ? 'none' : <Age key="deadline" nanos={card.expires_ns} />],
  ];
  return (
    <section class="approval" aria-label={`${card.node_id} of ${card.run_id}: ${card.state}`}>
      <div class="approval-head">
        <span class={card.state === 'pending' ? 'status status-pending' : 'status'}>
          <span aria-hidden="true">{card.state === 'pending' ? '‖' : '·'}</span> {card.state}
        </span>
        <h3>
          <Text text={card.node_id} max={80} />
        </h3>
        {role !== '' && (
          <span class="line-name">
            <span
              class={`role-dot tone-${(kRoles as readonly string[]).includes(role) ? role : 'neutral'}`}
              aria-hidden="true"
            >
              ●
            </span>
            <Text text={role} max={32} />
          </span>
        )}
        <span class="approval-reason">
          <Text text={card.reason} max={500} />
        </span>
        <span class="gap" />
        <span class="detail">{age(card.requested_ns)}</span>
      </div>
      <dl class="approval-facts">
        {facts
          .filter(([, value]) => value !== null && value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{typeof value === 'string' ? <Text text={value} max={200} /> : value}</dd>
            </div>
          ))}
      </dl>
      <div class="approval-action">
        <p class="detail">
          What would be done{card.action_complete ? '' : ', its beginning; the digest is of all of it'}{' '}
          <span class="mono" title={card.digest}>
            sha256 {shortId(card.digest)}
          </span>
        </p>
        <pre>
          <Value text={card.action} />
        </pre>
      </div>
      {card.state === 'pending' && mayDecide && (
        <form
          class="approval-decide"
          aria-label={`Decide ${card.node_id}`}
          onSubmit={(event) => event.preventDefault()}
        >
          <input
            aria-label="Comment"
            placeholder="comment; needed to reject"
            maxLength={1000}
            value={comment.value}
            onInput={(event) => {
              comment.value = event.currentTarget.value;
            }}
          />
          <button type="button" class="primary" disabled={isSending.value} onClick={() => send('approve')}>
            Approve
          </button>
          <button
            type="button"
            disabled={isSending.value || comment.value.trim() === ''}
            title={comment.value.trim() === '' ? 'say why in the comment' : undefined}
            onClick={() => send('reject')}
          >
            Reject
          </button>
        </form>
      )}
      {failure.value && <Failure error={failure.value} what="the decision" />}
    </section>
  );
}
