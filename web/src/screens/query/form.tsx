// The editor with its button, and what could be asked.
import type { ComponentChildren } from 'preact';
import type { Language } from '@/api/query_language';
import { Boundary } from '@/ui/boundary';
import type { Asking } from './asking';
import { Editor, type Problem } from './editor/editor';

interface Props {
  asking: Asking;
  language: Language;
  name: string; // of the form
  label: string; // of the editor
  placeholder: string;
  problem: Problem | null;
  children: ComponentChildren; // beside the button
}

export function QueryForm({ asking, language, name, label, placeholder, problem, children }: Props) {
  const { text, run } = asking;
  return (
    <form
      class="query-form"
      aria-label={name}
      onSubmit={(event) => {
        event.preventDefault();
        run(text.peek());
      }}
    >
      <Boundary what="the editor">
        <Editor
          language={language}
          label={label}
          placeholder={placeholder}
          text={text}
          problem={problem}
          onRun={() => run(text.peek())}
        />
      </Boundary>
      <div class="query-tools">
        <button type="submit" class="primary" disabled={text.value.trim() === ''}>
          Run
        </button>
        <kbd>Ctrl ⏎</kbd>
        {children}
      </div>
    </form>
  );
}

export type Example = readonly [name: string, text: string];

export function Examples({ of, onChoose }: { of: readonly Example[]; onChoose: (text: string) => void }) {
  return (
    <section class="examples" aria-label="Examples">
      <h2>For example</h2>
      <ul>
        {of.map(([name, text]) => (
          <li key={name}>
            <button type="button" class="kept" onClick={() => onChoose(text)}>
              {name} <code>{text.replace(/\s+/g, ' ')}</code>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
