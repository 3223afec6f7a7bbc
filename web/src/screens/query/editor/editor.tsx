// A field for a query: CodeMirror within a shadow root, where its styles pass the page's policy. Completion and errors come
// from the server's parsers; Ctrl Enter runs; Tab leaves the field.
import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { StandardSQL, sql } from '@codemirror/lang-sql';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, linter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState, type Extension, Prec } from '@codemirror/state';
import { drawSelection, EditorView, keymap, placeholder as placeholderFor } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { check, complete, type Language } from '@/api/query_language';
import { isDark } from '@/app/settings';
import { spanAt } from '@/model/code_points';
import { plain } from '@/model/text';
import { traceql } from './traceql';

export interface Problem {
  readonly text: string; // the query that it was found in
  readonly from: number;
  readonly to: number;
  readonly message: string;
}

interface Props {
  language: Language;
  label: string;
  placeholder: string;
  text: Signal<string>; // what is written, both ways
  problem: Problem | null; // what the last run has found wrong
  onRun: () => void;
}

const kCheckDelayMs = 300;

export function Editor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const look = useRef(new Compartment());

  useEffect(() => {
    const element = host.current!;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const editor = new EditorView({
      parent: root,
      root,
      state: EditorState.create({ doc: latest.current.text.peek(), extensions: extensionsOf(latest, look.current) }),
    });
    view.current = editor;
    element.focus = () => editor.focus();
    root.addEventListener('keydown', keepLetters);
    return () => {
      root.removeEventListener('keydown', keepLetters);
      editor.destroy();
      view.current = null;
    };
  }, [props.language]);

  // At once, and not with the next painting: what is typed meanwhile would be lost.
  useEffect(
    () =>
      props.text.subscribe((text) => {
        const editor = view.current;
        if (!editor || editor.state.doc.toString() === text) return;
        editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
      }),
    [props.text],
  );

  useEffect(() => {
    const editor = view.current;
    const problem = props.problem;
    if (!editor || !problem || editor.state.doc.toString() !== problem.text) return;
    editor.dispatch(setDiagnostics(editor.state, [diagnosticOf(problem)]));
  }, [props.problem]);

  const dark = isDark();
  useEffect(() => {
    view.current?.dispatch({ effects: look.current.reconfigure(themeOf(dark)) });
  }, [dark]);

  return <div class="editor" ref={host} data-first-field data-editor />;
}

// Letters are text here, not keys of the page.
function keepLetters(event: Event) {
  const { ctrlKey, metaKey, altKey, key } = event as KeyboardEvent;
  if (!ctrlKey && !metaKey && !altKey && key !== 'Escape') event.stopPropagation();
}

function extensionsOf(latest: { current: Props }, look: Compartment): Extension[] {
  const { language, label, placeholder } = latest.current;
  return [
    history(),
    drawSelection(),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocorrect: 'off' }),
    placeholderFor(placeholder),
    language === 'sql' ? sql({ dialect: StandardSQL, upperCaseKeywords: true }) : traceql,
    syntaxHighlighting(kHighlights),
    autocompletion({
      override: [(context) => completionsFor(language, context)],
      icons: false,
      activateOnTyping: true,
    }),
    linter((editor) => problemsIn(language, editor.state.doc.toString(), latest.current.problem), {
      delay: kCheckDelayMs,
    }),
    Prec.highest(
      keymap.of([
        {
          key: 'Mod-Enter',
          run: () => {
            latest.current.onRun();
            return true;
          },
        },
      ]),
    ),
    keymap.of([...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) latest.current.text.value = update.state.doc.toString();
    }),
    look.of(themeOf(isDark())),
  ];
}

async function completionsFor(language: Language, context: CompletionContext): Promise<CompletionResult | null> {
  const aborter = new AbortController();
  context.addEventListener('abort', () => aborter.abort());
  try {
    const answer = await complete(language, context.state.doc.toString(), context.pos, aborter.signal);
    if (answer.items.length === 0) return null;
    return {
      from: answer.from,
      to: answer.to,
      filter: false, // the server has
      options: answer.items.map((item) => ({
        label: item.label,
        displayLabel: plain(item.label),
        detail: plain([item.kind, item.detail].filter((each) => each).join(' ')),
        type: item.kind,
      })),
    };
  } catch {
    return null; // writing goes on without
  }
}

const diagnosticOf = ({ text, from, to, message }: Problem): Diagnostic => ({
  from: Math.min(from, text.length),
  to: Math.min(Math.max(to, from), text.length),
  severity: 'error',
  message: plain(message),
});

// What the parser says; else what the last run of the same text has said.
async function problemsIn(language: Language, text: string, last: Problem | null): Promise<Diagnostic[]> {
  if (text.trim() === '') return [];
  const known = last?.text === text ? [diagnosticOf(last)] : [];
  try {
    const { error } = await check(language, text);
    if (!error) return known;
    const place =
      error.from !== undefined && error.to !== undefined
        ? { from: error.from, to: error.to }
        : spanAt(text, error.line ?? 1, error.column ?? 1, error.length);
    return [diagnosticOf({ text, ...place, message: [error.message, error.hint].filter((each) => each).join('. ') })];
  } catch {
    return known; // the run will tell
  }
}

// Weight and shade, no colours: those mean roles and trouble.
const kHighlights = HighlightStyle.define([
  { tag: tags.keyword, fontWeight: '650' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--text-faint)', fontStyle: 'italic' },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: 'var(--text-faint)' },
  { tag: [tags.operator, tags.bracket, tags.punctuation], color: 'var(--text-faint)' },
  { tag: [tags.atom, tags.bool, tags.null], fontWeight: '600' },
]);

function themeOf(dark: boolean): Extension {
  return EditorView.theme(
    {
      '&': { fontSize: '13px', color: 'var(--text)', backgroundColor: 'var(--raised)' },
      '&.cm-focused': { outline: 'none' },
      '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px', maxHeight: '40vh' },
      '.cm-content': { padding: '8px 0', minHeight: '56px', caretColor: 'var(--text)' },
      '.cm-line': { padding: '0 10px' },
      '.cm-cursor': { borderLeftColor: 'var(--text)' },
      '.cm-placeholder': { color: 'var(--text-faint)' },
      '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
        background: 'var(--selected)',
      },
      '.cm-tooltip': {
        color: 'var(--text)',
        backgroundColor: 'var(--raised)',
        border: '1px solid var(--line-strong)',
        borderRadius: '3px',
        fontFamily: 'var(--sans)',
      },
      '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '240px' },
      '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px', lineHeight: '18px' },
      '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--selected)', color: 'var(--text)' },
      '.cm-completionDetail': { color: 'var(--text-faint)', fontStyle: 'normal', marginLeft: '12px' },
      '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '650' },
      '.cm-diagnostic': { padding: '4px 8px', whiteSpace: 'pre-wrap', maxWidth: '520px' },
      '.cm-diagnostic-error': { borderLeft: '3px solid var(--bad)' },
      // The library's underline is a picture of its own colour.
      '.cm-lintRange-error': {
        backgroundImage: 'none',
        textDecoration: 'underline wavy var(--bad)',
        textDecorationSkipInk: 'none',
        textUnderlineOffset: '3px',
      },
      '.cm-lintPoint-error:after': { borderBottomColor: 'var(--bad)' },
    },
    { dark },
  );
}
