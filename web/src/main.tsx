import { render } from 'preact';
import { Frame } from '@/app/frame';
import { watchInbox } from '@/app/inbox';
import { listenToKeys } from '@/app/keys';
import { listenToLinks } from '@/app/location';
import { watchServer } from '@/app/server';
import { signInByAddress } from '@/app/sign_in';
import '@/styles/tokens.css';
import '@/styles/base.css';
import '@/styles/frame.css';

listenToLinks();
listenToKeys();
void signInByAddress();
watchServer();
watchInbox();
render(<Frame />, document.getElementById('app')!);
