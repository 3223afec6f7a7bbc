// A crash in one panel leaves the others alive.
import { Component, type ComponentChildren } from 'preact';

interface Props {
  what: string; // "the waterfall"
  children: ComponentChildren;
}

export class Boundary extends Component<Props, { error: Error | null }> {
  override state = { error: null as Error | null };

  static override getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render({ what, children }: Props, { error }: { error: Error | null }) {
    if (!error) return children;
    return (
      <div class="failure" role="alert">
        <p>
          <strong>The part of the page that shows {what} has failed.</strong> This is a bug of MeshFlow; the rest of the
          page works.
        </p>
        <p class="facts">
          <span class="mono">{String(error.message)}</span>
          <button type="button" onClick={() => this.setState({ error: null })}>
            Show it again
          </button>
        </p>
      </div>
    );
  }
}
