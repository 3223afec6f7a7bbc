// What keys there are on this screen, and what a person may choose.
import { Dialog } from '@/ui/dialog';
import { bindings } from './keys';
import { compact, singleKeys, type Theme, theme } from './settings';

export function Help({ onClose }: { onClose: () => void }) {
  const groups = new Map<string, Map<string, string[]>>();
  for (const each of bindings.value) {
    const group = groups.get(each.group) ?? new Map<string, string[]>();
    groups.set(each.group, group);
    group.set(each.does, [...(group.get(each.does) ?? []), each.keys]);
  }
  return (
    <Dialog label="Keys and settings" class="help" onClose={onClose}>
      <header class="dialog-head">
        <h2>Keys and settings</h2>
        <button type="button" class="icon" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <fieldset class="settings">
        <legend>Settings of this browser</legend>
        <label>
          Theme{' '}
          <select
            value={theme.value}
            onChange={(event) => {
              theme.value = event.currentTarget.value as Theme;
            }}
          >
            <option value="auto">as the system has it</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
        <label>
          <input
            type="checkbox"
            checked={compact.value}
            onChange={(event) => {
              compact.value = event.currentTarget.checked;
            }}
          />{' '}
          Compact rows
        </label>
        <label>
          <input
            type="checkbox"
            checked={singleKeys.value}
            onChange={(event) => {
              singleKeys.value = event.currentTarget.checked;
            }}
          />{' '}
          Keys of a single character
        </label>
      </fieldset>
      <div class="key-groups">
        {[...groups].map(([group, lines]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {[...lines].map(([does, keys]) => (
                <div key={does}>
                  <dt>
                    {keys.map((each) => (
                      <KeyName keys={each} key={each} />
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

const kNames: Record<string, string> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  Shift: '⇧',
};

function KeyName({ keys }: { keys: string }) {
  return (
    <span class="key">
      {keys.split(' ').map((key) => (
        <kbd key={key}>
          {key
            .split('+')
            .map(
              (part) => kNames[part] ?? (key.startsWith('Ctrl+') ? part.toUpperCase().replace('CTRL', 'Ctrl') : part),
            )
            .join(' ')}
        </kbd>
      ))}
    </span>
  );
}
