import type { Signal } from '@preact/signals';

// Counts `again` up: what was read is read anew where it is part of the question's key.
export function ReadAgain({ again }: { again: Signal<number> }) {
  return (
    <button
      type="button"
      class="link"
      onClick={() => {
        again.value += 1;
      }}
    >
      Read again
    </button>
  );
}
