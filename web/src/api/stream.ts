// What the server tells as it happens (server-sent events). The browser connects again by itself and says what it had.
import { address, isLost, withQuery } from './client';

export interface StreamQuestion {
  topic: 'runs' | 'trace' | 'approvals';
  trace_id?: string;
  since?: string; // the revision of what is here
}

// Calls `on[event]` with each event's object until the function that is returned is called. `gap`: something was left out,
// read again.
export function listen(question: StreamQuestion, on: Record<string, (data: never) => void>): () => void {
  const source = new EventSource(address(withQuery('api/meshflow/stream', { ...question })));
  for (const [name, tell] of Object.entries(on)) {
    source.addEventListener(name, (event) => {
      isLost.value = false;
      tell(JSON.parse((event as MessageEvent<string>).data) as never);
    });
  }
  return () => source.close();
}
