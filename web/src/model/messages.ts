// What was said and called, from the attributes of a span (gen_ai.input.messages and others, as OpenTelemetry has them):
// a list of messages with their parts. Anything that is not as expected is shown as the text that it is.
export interface Part {
  readonly kind: 'text' | 'call' | 'result' | 'other';
  readonly name: string; // of the tool
  readonly text: string;
}
export interface Message {
  readonly role: string;
  readonly parts: readonly Part[];
  readonly finish: string;
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value, null, 2);

function partOf(value: unknown): Part {
  if (typeof value !== 'object' || value === null) return { kind: 'text', name: '', text: textOf(value) };
  const part = value as Record<string, unknown>;
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return { kind: 'text', name: '', text: textOf(part.content ?? part.text) };
    case 'tool_call':
      return { kind: 'call', name: textOf(part.name), text: textOf(part.arguments) };
    case 'tool_call_response':
      return {
        kind: 'result',
        name: textOf(part.name ?? part.id),
        text: textOf(part.response ?? part.result ?? part.content),
      };
    default:
      return { kind: 'other', name: textOf(part.type), text: JSON.stringify(value, null, 2) };
  }
}

export function readMessages(json: string, otherwise: string): Message[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    value = null;
  }
  if (!Array.isArray(value)) return [{ role: otherwise, parts: [{ kind: 'text', name: '', text: json }], finish: '' }];
  return value.map((each: unknown) => {
    if (typeof each !== 'object' || each === null) return { role: otherwise, parts: [partOf(each)], finish: '' };
    const message = each as Record<string, unknown>;
    const parts = Array.isArray(message.parts)
      ? message.parts.map(partOf)
      : message.content !== undefined
        ? [partOf(message.content)]
        : [partOf(message)];
    return { role: textOf(message.role) || otherwise, parts, finish: textOf(message.finish_reason) };
  });
}

// The attributes that hold what was said, in the order in which it was.
export const kMessageKeys = [
  ['gen_ai.system_instructions', 'system'],
  ['gen_ai.input.messages', 'user'],
  ['gen_ai.tool.call.arguments', 'call'],
  ['gen_ai.tool.call.result', 'result'],
  ['gen_ai.output.messages', 'assistant'],
] as const;

export function messagesOf(attributes: readonly { key: string; value: unknown }[]): Message[] {
  return kMessageKeys.flatMap(([key, role]) => {
    const found = attributes.find((attribute) => attribute.key === key);
    if (!found) return [];
    const text = textOf(found.value);
    if (role === 'call' || role === 'result')
      return [{ role: 'tool', parts: [{ kind: role, name: '', text }], finish: '' }];
    return readMessages(text, role);
  });
}
