import { answer } from '@/app/announce';

async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or no secure context
  }
}

// Copies `text()` and says so. `label` is what a screen reader hears: "Copy trace id".
export function Copy({ text, label, children }: { text: () => string; label: string; children?: string }) {
  const onClick = async () => {
    answer((await write(text())) ? `${label}: done` : `${label}: the browser does not allow it`);
  };
  return (
    <button
      type="button"
      class={children ? 'link' : 'icon copy'}
      aria-label={children ? undefined : label}
      title={label}
      onClick={onClick}
    >
      {children ?? <CopyMark />}
    </button>
  );
}

export async function copyText(text: string, said: string) {
  answer((await write(text)) ? said : 'the browser does not allow copying here');
}

function CopyMark() {
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" fill="none" stroke="currentColor">
      <rect x="1.5" y="3.5" width="6" height="7" />
      <path d="M4.5 3.5v-2h6v7h-3" />
    </svg>
  );
}
