// Requests to the server that the page came from. One way to fail: ApiError, with the server's sentence, code and limit.
import { signal } from '@preact/signals';

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number, // 0: the server was not reached
    readonly code = '',
    readonly limit: string | null = null,
    readonly hint: string | null = null,
    readonly line: number | null = null,
    readonly column: number | null = null,
    readonly length: number | null = null,
  ) {
    super(message);
  }
}

export const isAborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

// When the server last answered, and whether it does: the frame shows a bar while it does not.
export const lastAnswer = signal(Date.now());
export const isLost = signal(false);

// An address of the server's, below the <base> of the page.
export const address = (path: string): string => new URL(path.replace(/^\//, ''), document.baseURI).href;

interface Options {
  signal?: AbortSignal;
  method?: 'GET' | 'POST' | 'DELETE';
  body?: unknown;
  headers?: Record<string, string>;
}

async function answerOf(path: string, options: Options): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  try {
    const response = await fetch(address(path), {
      method: options.method ?? 'GET',
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
      credentials: 'same-origin',
    });
    lastAnswer.value = Date.now();
    isLost.value = false;
    return response;
  } catch (error) {
    if (isAborted(error)) throw error;
    isLost.value = true;
    throw new ApiError('the server cannot be reached', 0, 'unreachable');
  }
}

// The error that an answer tells, in any of the server's forms: ours, Jaeger's envelope, or plain text.
async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  try {
    const body = JSON.parse(text);
    const error = body.error ?? body.errors?.[0];
    if (error && typeof error === 'object') {
      const number = (value: unknown) => (typeof value === 'number' ? value : null);
      return new ApiError(
        String(error.message ?? error.msg ?? response.statusText),
        response.status,
        String(error.code ?? ''),
        error.limit == null
          ? null
          : typeof error.limit === 'object'
            ? JSON.stringify(error.limit)
            : String(error.limit),
        error.hint == null ? null : String(error.hint),
        number(error.line),
        number(error.column),
        number(error.length),
      );
    }
  } catch {
    // not JSON
  }
  const sentence = text !== '' && text.length < 500 && !text.startsWith('<') ? text : response.statusText;
  return new ApiError(sentence || `the server answered ${response.status}`, response.status);
}

// Throws ApiError, and AbortError where the signal says so.
export async function send<T>(path: string, options: Options = {}): Promise<T> {
  const response = await answerOf(path, options);
  if (!response.ok) throw await errorOf(response);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (isAborted(error)) throw error;
    throw new ApiError('the answer ended before it was whole, or is not JSON', response.status, 'malformed');
  }
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => send<T>(path, { signal });

// "path?name=value&…"; undefined, null and '' are left out, lists repeat the name.
export function withQuery(
  path: string,
  parameters: Record<string, string | number | boolean | readonly string[] | null | undefined>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value == null || value === '') continue;
    if (typeof value === 'object') for (const each of value) query.append(name, each);
    else query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
