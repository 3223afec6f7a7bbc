// Signing in by the address that `meshflow ui` opens: it has a code that counts once, behind '#', so that it is sent to no
// server by itself and stands in no log. It leaves the address at once.
import { send } from '@/api/client';
import { answer } from './announce';
import { askServer } from './server';

export interface Session {
  signed_in: boolean;
  by: string | null;
  expires_ns: string | null;
}

export async function signInByAddress() {
  const code = /^#code=([\w-]+)$/.exec(window.location.hash)?.[1];
  if (!code) return;
  history.replaceState(null, '', window.location.pathname + window.location.search);
  try {
    const session = await send<Session>('api/meshflow/session', { method: 'POST', body: { code } });
    answer(session.by ? `signed in as ${session.by}` : 'signed in');
    await askServer();
  } catch (error) {
    answer(`not signed in: ${(error as Error).message}`);
  }
}
