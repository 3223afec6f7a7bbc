// A rule of the server's own as Prometheus takes it (docs/alerts.md).

// The bound that an expression compares with at its end: "> 0.01". Null: it compares with none, or with something computed.
export function thresholdOf(expression: string): string | null {
  const found = /(>=|<=|==|!=|>|<)\s*(?:bool\s+)?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$/.exec(
    expression.trim(),
  );
  return found ? `${found[1]} ${found[2]}` : null;
}

// Prometheus refuses a range behind an expression; there the series are there as long as they count.
export const forPrometheus = (expression: string): string => expression.replace(/\)\s*\[[0-9a-z]+\]/g, ')');

export function promDuration(seconds: number): string {
  if (seconds === 0) return '0m';
  const parts: string[] = [];
  let left = Math.round(seconds);
  for (const [unit, size] of [
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const whole = Math.floor(left / size);
    if (whole > 0) parts.push(`${whole}${unit}`);
    left -= whole * size;
  }
  return parts.join('');
}

export interface RuleParts {
  readonly name: string;
  readonly group: string;
  readonly expr: string;
  readonly for_s: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const quoted = (text: string) => JSON.stringify(text); // JSON's strings are YAML's

export function ruleAsYaml({ name, group, expr, for_s, labels = {}, annotations = {} }: RuleParts): string {
  const map = (key: string, entries: Readonly<Record<string, string>>) => {
    const lines = Object.entries(entries).map(([each, value]) => `          ${each}: ${quoted(value)}`);
    return lines.length === 0 ? [] : [`        ${key}:`, ...lines];
  };
  return [
    'groups:',
    `  - name: ${quoted(group)}`,
    '    rules:',
    `      - alert: ${quoted(name)}`,
    `        expr: ${quoted(forPrometheus(expr))}`,
    `        for: ${promDuration(for_s)}`,
    ...map('labels', labels),
    ...map('annotations', annotations),
    '',
  ].join('\n');
}
