import { describe, expect, test } from 'vitest';
import { forPrometheus, promDuration, ruleAsYaml, thresholdOf } from '@/model/alert_rule';

describe('thresholds', () => {
  test.each([
    ['count(meshflow_run_cost_usd > 0.01)[10m] > 3', '> 3'],
    ['sum(rate(a[5m])) / sum(rate(b[5m])) >= 0.05', '>= 0.05'],
    ['a == bool 1e3', '== 1e3'],
    ['a > b', null],
    ['topk(3, a)[1d]', null],
  ])('%s fires at %s', (expression, bound) => {
    expect(thresholdOf(expression)).toBe(bound);
  });
});

test('for Prometheus the range behind an expression goes, those of selectors stay', () => {
  expect(forPrometheus('count(a > 0.01)[10m] > 3')).toBe('count(a > 0.01) > 3');
  expect(forPrometheus('sum(rate(a[5m])) > 1')).toBe('sum(rate(a[5m])) > 1');
});

test('durations are in Prometheus’ form', () => {
  expect([0, 90, 300, 86_400, 90_061].map(promDuration)).toEqual(['0m', '1m30s', '5m', '1d', '1d1h1m1s']);
});

test('a rule is copied as a file of rules; nothing in its texts ends them', () => {
  expect(
    ruleAsYaml({
      name: 'Many "blocks"',
      group: 'agents',
      expr: 'a > 1',
      for_s: 60,
      labels: { severity: 'warning' },
      annotations: { summary: 'line\nbreak' },
    }),
  ).toBe(`groups:
  - name: "agents"
    rules:
      - alert: "Many \\"blocks\\""
        expr: "a > 1"
        for: 1m
        labels:
          severity: "warning"
        annotations:
          summary: "line\\nbreak"
`);
});
