import { describe, expect, test } from 'vitest';
import { alignSeries, instantValue, labelText, nameOfLabels, sumBy, total } from '@/model/series';

const label = (key: string, text: string) => ({ key, value: { stringValue: text } });
const critic = {
  labels: [label('role', 'critic'), label('rule', 'a')],
  samples: [{ timestampMs: '2000', value: 3 }, { timestampMs: '1000' }],
};
const planner = {
  labels: [label('role', 'planner'), label('rule', 'a')],
  samples: [{ timestampMs: '3000', value: 4 }],
};

describe('series', () => {
  test('share one list of times; what is left out of an answer is 0, what is missing nothing', () => {
    const { times, lines } = alignSeries([critic, planner]);
    expect(times).toEqual([1000, 2000, 3000]);
    expect(lines[0]).toEqual({ labels: { role: 'critic', rule: 'a' }, values: [0, 3, null] });
    expect(lines[1].values).toEqual([null, null, 4]);
  });
  test('are added up by a label; those without it are one', () => {
    const summed = sumBy(alignSeries([critic, planner, { samples: [{ timestampMs: '2000', value: 1 }] }]), 'rule');
    expect(summed.lines).toEqual([
      { labels: { rule: 'a' }, values: [0, 3, 4] },
      { labels: { rule: '' }, values: [null, 1, null] },
    ]);
    expect(total(summed.lines[0])).toBe(7);
  });
  test('of no series there is nothing', () => {
    expect(alignSeries([])).toEqual({ times: [], lines: [] });
  });
  test('one value is the value, the last sample, or 0', () => {
    expect(instantValue({ value: 5 })).toBe(5);
    expect(instantValue({ samples: [{ value: 1 }, { value: '2' }] })).toBe(2);
    expect(instantValue({})).toBe(0);
  });
});

describe('names of series', () => {
  test('are their labels’ values', () => {
    expect(nameOfLabels({ a: 'demo', b: '2' }, 'all')).toBe('demo 2');
    expect(nameOfLabels({ a: '' }, 'all')).toBe('(none)');
    expect(nameOfLabels({}, 'all')).toBe('all');
  });
  test('call quantiles by their names', () => {
    expect(nameOfLabels({ role: 'critic', p: '0.95' }, 'all')).toBe('critic p95');
    expect(nameOfLabels({ p: '0.999' }, 'all')).toBe('p99.9');
  });
});

test('a label of any type is a text', () => {
  expect([
    labelText({ intValue: '5' }),
    labelText({ boolValue: false }),
    labelText({ doubleValue: 0.5 }),
    labelText(undefined),
  ]).toEqual(['5', 'false', '0.5', '']);
});
