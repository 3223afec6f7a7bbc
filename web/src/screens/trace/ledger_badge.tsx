// Whether the ledger of the run holds: ✓ chain and head agree, ✗ the first entry that does not, ? no ledger connected.
import * as api from '@/api/endpoints';
import { useLoad } from '@/api/load';

export function LedgerBadge({ runId }: { runId: string }) {
  const load = useLoad(runId, (signal) => api.ledger(runId, signal));
  const answer = load.data.value;
  if (load.error.value) return <Badge mark="?" words="cannot be read" title={load.error.value.message} />;
  if (!answer) return <Badge mark="…" words="" title="The ledger is being read" />;
  if (answer.state === 'none')
    return <Badge mark="?" words="none" title="No ledger of this run is connected to the server" />;
  if (answer.state === 'broken') {
    const bad = answer.first_bad;
    return (
      <Badge
        mark="✗"
        words={bad ? `entry ${bad.seq}: ${bad.reason}` : 'does not hold'}
        title="The ledger does not hold"
        isBad
      />
    );
  }
  return (
    <Badge
      mark="✓"
      words={`${answer.entries.length} entries`}
      title="The chain is unbroken, and its head is the one that the trace names"
    />
  );
}

function Badge({ mark, words, title, isBad }: { mark: string; words: string; title: string; isBad?: boolean }) {
  return (
    <span class={isBad ? 'bad' : ''} title={title}>
      <span aria-hidden="true">{mark}</span> {words}
    </span>
  );
}
