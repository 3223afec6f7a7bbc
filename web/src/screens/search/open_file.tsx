// A trace from a file: chosen, or dropped anywhere on the screen.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError } from '@/api/client';
import { openFile } from '@/api/opened';
import { go, href } from '@/app/location';
import { Failure } from '@/ui/states';

export function OpenFile() {
  const field = useRef<HTMLInputElement>(null);
  const error = useSignal<ApiError | null>(null);
  const several = useSignal<readonly string[]>([]);
  const isOver = useSignal(false);
  const open = async (file: File | undefined) => {
    if (!file) return;
    try {
      const ids = await openFile(file);
      error.value = null;
      if (ids.length === 1) go(`/trace/${ids[0]}`);
      else several.value = ids;
    } catch (reason) {
      error.value = reason instanceof ApiError ? reason : new ApiError(String(reason), -1);
    }
  };
  useEffect(() => {
    const isFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      isOver.value = true;
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) isOver.value = false;
    };
    const drop = (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      isOver.value = false;
      void open(event.dataTransfer?.files[0]);
    };
    document.addEventListener('dragover', over);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', over);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
    };
  }, []);
  return (
    <section class="open-file" aria-label="A trace from a file">
      <input
        ref={field}
        type="file"
        accept=".json,.jsonl,application/json"
        class="unseen"
        tabIndex={-1}
        aria-label="File with traces"
        onChange={(event) => {
          void open(event.currentTarget.files?.[0]);
          event.currentTarget.value = '';
        }}
      />
      <button type="button" class="link" onClick={() => field.current?.click()}>
        Open a file
      </button>{' '}
      <span class="hint">OTLP or Jaeger JSON, here or dropped; not stored</span>
      {isOver.value && <div class="drop-here">Drop it: the trace is shown, not stored</div>}
      {error.value && <Failure error={error.value} what="the file" />}
      {several.value.length > 1 && (
        <ul class="several" aria-label="Traces in the file">
          {several.value.map((id) => (
            <li key={id}>
              <a href={href(`/trace/${id}`)}>
                <code>{id}</code>
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
