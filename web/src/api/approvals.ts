import { get, send } from './client';

export interface Approval {
  id: string;
  run_id: string;
  trace_id: string | null;
  span_id: string | null;
  node_id: string;
  workflow: string | null;
  version: string | null;
  role: string | null;
  risk: string | null;
  reason: string;
  rule_id: string | null;
  value: string | number | null;
  threshold: string | number | null;
  action: string; // what would be done; the beginning of it
  action_complete: boolean;
  digest: string; // of the whole action
  cost_nano_usd: string | null; // of the run so far
  requested_ns: string;
  expires_ns: string | null;
  state: string; // pending, expired; told by the stream: approved, rejected
  decided_by: string | null;
}

export interface ApprovalsAnswer {
  approvals: Approval[];
  signed_in: boolean;
}

export interface Decided {
  state: 'approved' | 'rejected';
  run_status: string;
  continues_in: string; // "server", "process N", "program", or a command to type
}

export const approvals = (signal?: AbortSignal) => get<ApprovalsAnswer>('api/meshflow/approvals', signal);

// `digest`: of what was shown. 409 where that has changed meanwhile.
export const decide = (id: string, decision: 'approve' | 'reject', comment: string, digest: string) =>
  send<Decided>(`api/meshflow/approvals/${encodeURIComponent(id)}`, {
    method: 'POST',
    body: { decision, comment, digest },
  });
