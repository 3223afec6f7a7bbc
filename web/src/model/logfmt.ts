// The Tags field: logfmt ("run_id=run_1 verdict=blocked"), with comparisons ("cost_usd > 0.01"), to Jaeger's map of tags
// ({"cost_usd": "> 0.01"}) and back. What may stand in it is docs/jaeger-api.md's.

export type Tags = Record<string, string>;

export class TagsError extends Error {
  constructor(
    message: string,
    readonly at: number, // offset in the text
  ) {
    super(message);
  }
}

const kOperator = /^(>=|<=|!=|==|=|>|<|:)/;

// Throws TagsError.
export function parseTags(text: string): Tags {
  const tags: Tags = {};
  let at = 0;
  const skipBlanks = () => {
    while (at < text.length && /[\s,]/.test(text[at])) ++at;
  };
  const word = (stop: RegExp): string => {
    const begin = at;
    if (text[at] === '"') {
      ++at;
      let out = '';
      while (at < text.length && text[at] !== '"') {
        if (text[at] === '\\' && at + 1 < text.length) ++at;
        out += text[at++];
      }
      if (at >= text.length) throw new TagsError('a quotation mark is not closed', begin);
      ++at;
      return out;
    }
    while (at < text.length && !stop.test(text[at])) ++at;
    return text.slice(begin, at);
  };
  for (skipBlanks(); at < text.length; skipBlanks()) {
    const begin = at;
    const key = word(/[\s=<>!]/);
    if (key === '') throw new TagsError('a tag begins with its name: name=value', begin);
    while (/[ \t]/.test(text[at] ?? '')) ++at;
    const operator = kOperator.exec(text.slice(at))?.[0] ?? '';
    if (operator === '' || operator === ':') {
      tags[key] = 'true'; // as Jaeger's field has it
      continue;
    }
    at += operator.length;
    while (/[ \t]/.test(text[at] ?? '')) ++at;
    const value = word(/\s/);
    tags[key] = operator === '=' || operator === '==' ? value : `${operator} ${value}`;
  }
  return tags;
}

const quoted = (text: string) => (/[\s"=<>!]/.test(text) || text === '' ? JSON.stringify(text) : text);

export function formatTags(tags: Tags): string {
  return Object.entries(tags)
    .map(([key, value]) => {
      const comparison = /^(>=|<=|!=|>|<)\s*(.*)$/s.exec(value);
      return comparison
        ? `${quoted(key)} ${comparison[1]} ${quoted(comparison[2])}`
        : `${quoted(key)}=${quoted(value)}`;
    })
    .join(' ');
}

// Jaeger's `tags` parameter, a JSON map of texts; null where it is none.
export function readTagsParameter(json: string): Tags | null {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each)]));
  } catch {
    return null;
  }
}
