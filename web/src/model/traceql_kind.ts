// What kind of answer a TraceQL query has, so that the right question is asked of the server: traces, a metric over time,
// or one value for the whole time.
export type QueryKind = 'traces' | 'range' | 'instant';

const kOverTime =
  /^(rate|count_over_time|min_over_time|max_over_time|avg_over_time|sum_over_time|quantile_over_time|histogram_over_time|compare)\s*\(/;
const kWhole = /^(count|sum|avg|min|max|quantile)\s*\(/;

// Texts and comments, blanked out, so that nothing in them counts.
const withoutTexts = (q: string) =>
  q.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (text) => ' '.repeat(text.length));

// The stages of a pipeline: split at each "|" that stands alone, outside of parentheses and braces.
function stagesOf(q: string): string[] {
  const stages: string[] = [];
  let depth = 0;
  let begin = 0;
  for (let i = 0; i < q.length; ++i) {
    const c = q[i];
    if (c === '(' || c === '{') ++depth;
    else if (c === ')' || c === '}') --depth;
    else if (c === '|' && depth === 0 && q[i + 1] !== '|' && q[i - 1] !== '|') {
      stages.push(q.slice(begin, i).trim());
      begin = i + 1;
    }
  }
  return [...stages, q.slice(begin).trim()];
}

// Behind the closing parenthesis that ends `stage`'s first call.
function afterCall(stage: string): string {
  let depth = 0;
  for (let i = stage.indexOf('('); i < stage.length; ++i) {
    if (stage[i] === '(') ++depth;
    else if (stage[i] === ')' && --depth === 0) return stage.slice(i + 1).trim();
  }
  return '';
}

export function kindOfQuery(q: string): QueryKind {
  const text = withoutTexts(q);
  const stages = stagesOf(text);
  if (stages.some((stage) => kOverTime.test(stage))) return 'range';
  // Metrics in parentheses, joined with each other and with numbers.
  if (/^[\s\d.(+*/%-]*\(/.test(text) && /\|\s*(rate|\w+_over_time)\s*\(/.test(text)) return 'range';
  if (/^[\s\d.(+*/%-]*\(/.test(text) && /\|\s*(count|sum|avg|min|max|quantile)\s*\(/.test(text)) return 'instant';
  for (const stage of stages.slice(1)) {
    if (!kWhole.test(stage)) continue;
    const rest = afterCall(stage);
    if (rest === '' || /^(by|with)\b/.test(rest)) return 'instant';
  }
  return 'traces';
}
