// What stands around every screen: navigation, the bar of a lost connection, palette, help, and where each screen appears.
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, isLost, lastAnswer } from '@/api/client';
import { ageOfMillis } from '@/model/units';
import { Boundary } from '@/ui/boundary';
import { Empty, Failure, Progress } from '@/ui/states';
import { announcement } from './announce';
import { isEmbedded } from './embedded';
import { Help } from './help';
import { type Binding, useKeys } from './keys';
import { go, href, path, queryText } from './location';
import { Palette } from './palette';
import { findScreen, type Screen, type ScreenProps, screens } from './screens';
import { isThere } from './server';
import { isDark, theme } from './settings';

const isPaletteOpen = signal(false);
const isHelpOpen = signal(false);

const openPalette = () => {
  isPaletteOpen.value = true;
};
const openHelp = () => {
  isHelpOpen.value = true;
};

function focusFirstField() {
  const field = document.querySelector<HTMLElement>('main [data-first-field], main input, main select, main textarea');
  field?.focus();
  if (field instanceof HTMLInputElement) field.select();
}

function frameKeys(): Binding[] {
  const group = 'Everywhere';
  return [
    { keys: 'Ctrl+k', does: 'go to a screen, a run, an id', group, run: openPalette },
    { keys: '?', does: 'this help', group, run: openHelp },
    { keys: '/', does: 'first field of the screen', group, run: focusFirstField },
    ...screens
      .filter((screen) => screen.key)
      .map((screen) => ({ keys: `g ${screen.key}`, does: screen.name, group: 'Go to', run: () => go(screen.path) })),
  ];
}

export function Frame() {
  useKeys(frameKeys);
  useEffect(() => {
    if (path.value === '/') go(`/search${queryText.value}`, { replace: true });
  }, [path.value]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      {!isEmbedded.value && <Navigation />}
      <LostBar />
      <main id="main" tabIndex={-1}>
        <Boundary what="this screen" key={path.value}>
          <ScreenPlace />
        </Boundary>
      </main>
      {isPaletteOpen.value && (
        <Palette
          onClose={() => {
            isPaletteOpen.value = false;
          }}
        />
      )}
      {isHelpOpen.value && (
        <Help
          onClose={() => {
            isHelpOpen.value = false;
          }}
        />
      )}
      <div class="announcer" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

function Navigation() {
  const here = path.value;
  const shown = screens.filter((screen) => screen.inNavigation && isThere(screen));
  return (
    <header class="top">
      <a class="wordmark" href={href('/search')} aria-label="MeshFlow, to Search">
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <path d="M1 4h9M4 8h9M7 12h8" stroke="currentColor" stroke-width="2.5" />
        </svg>
        MeshFlow
      </a>
      <nav aria-label="Screens">
        {shown.map((screen) => (
          <a key={screen.path} href={href(screen.path)} aria-current={here === screen.path ? 'page' : undefined}>
            {screen.name}
            {screen.waiting && screen.waiting() > 0 && (
              <span class="nav-count">
                {screen.waiting()}
                <span class="unseen"> waiting</span>
              </span>
            )}
          </a>
        ))}
      </nav>
      <div class="top-tools">
        <button type="button" class="goto" onClick={openPalette}>
          Go to a run or an id <kbd>Ctrl K</kbd>
        </button>
        <button
          type="button"
          class="icon"
          aria-label={isDark() ? 'Light theme' : 'Dark theme'}
          title={isDark() ? 'Light theme' : 'Dark theme'}
          onClick={() => {
            theme.value = isDark() ? 'light' : 'dark';
          }}
        >
          <span aria-hidden="true">{isDark() ? '☼' : '☾'}</span>
        </button>
        <button
          type="button"
          class="icon"
          aria-label="Keys and settings"
          title="Keys and settings (?)"
          onClick={openHelp}
        >
          <span aria-hidden="true">?</span>
        </button>
      </div>
    </header>
  );
}

// Says how old what is shown is, while the server does not answer.
function LostBar() {
  const [now, setNow] = useState(Date.now());
  const lost = isLost.value;
  useEffect(() => {
    if (!lost) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [lost]);
  if (!lost) return null;
  return (
    <div class="lost" role="alert">
      <span aria-hidden="true">⚠</span> The server does not answer. What is shown was read{' '}
      {ageOfMillis(Math.max(0, now - lastAnswer.value))}; it is asked again every two seconds.
    </div>
  );
}

const loaded = new Map<Screen, ComponentType<ScreenProps>>();

// The screen of the address. The one before stays until the next one's files are here.
function ScreenPlace() {
  const found = findScreen(path.value);
  const [, setCount] = useState(0);
  const [failure, setFailure] = useState<Screen | null>(null);
  const [since, setSince] = useState<number | null>(null);
  const screen = found?.screen;
  useEffect(() => {
    document.title = screen ? `${screen.name} · MeshFlow` : 'MeshFlow';
    if (!screen || loaded.has(screen)) return;
    setSince(Date.now());
    let isWanted = true;
    screen
      .load()
      .then((module) => {
        loaded.set(screen, module.default);
        if (isWanted) setCount((count) => count + 1);
      })
      .catch(() => isWanted && setFailure(screen))
      .finally(() => isWanted && setSince(null));
    return () => {
      isWanted = false;
    };
  }, [screen, failure]);
  if (!found) return path.value === '/' ? null : <NoSuchPage />;
  if (failure === screen) {
    const error = new ApiError('its files could not be read from the server', 0, 'unreachable');
    return <Failure error={error} what={`the screen ${screen?.name}`} onRetry={() => setFailure(null)} />;
  }
  const Shown = loaded.get(found.screen);
  if (!Shown) return <Progress since={since} what="the screen's files" onCancel={() => setSince(null)} />;
  return <Shown parameters={found.parameters} />;
}

function NoSuchPage() {
  return (
    <Empty title="There is no such page" isPage>
      <p>
        Nothing is at <code>{path.value}</code>. Screens:{' '}
        {screens
          .filter((each) => each.inNavigation)
          .map((screen, i) => (
            <span key={screen.path}>
              {i > 0 && ', '}
              <a href={href(screen.path)}>{screen.name}</a>
            </span>
          ))}
        ; a trace is at <code>/trace/ID</code>.
      </p>
    </Empty>
  );
}
