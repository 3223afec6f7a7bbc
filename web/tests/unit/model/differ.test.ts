import { describe, expect, test } from 'vitest';
import { dollars, readDiffer, runsFilter, withCondition, writeDiffer } from '@/model/differ_url';

describe('a condition is added', () => {
  test.each([
    ['', 'a = 1', '{ a = 1 }'],
    ['{ }', 'a = 1', '{ a = 1 }'],
    ['{ b = 2 }', 'a = 1', '{ b = 2 && a = 1 }'],
    ['{ b = 2 || c = 3 }', 'a = 1', '{ (b = 2 || c = 3) && a = 1 }'],
    ['{ b = "}" }', 'a = 1', '{ b = "}" && a = 1 }'],
    ['{ b = 2 } >> { c = 3 }', 'a = 1', '{ b = 2 } >> { c = 3 } | { a = 1 }'],
    ['{ b = 2 } | count() > 1', 'a = 1', '{ b = 2 } | count() > 1 | { a = 1 }'],
  ])('to %s', (q, condition, together) => {
    expect(withCondition(q, condition)).toBe(together);
  });
});

test('nano-dollars are written exactly', () => {
  expect(['10722000', '1', '0', '12000000000'].map(dollars)).toEqual(['0.010722', '0.000000001', '0', '12']);
});

test('runs are named by their traces', () => {
  expect(runsFilter(['a', 'b'])).toBe('{ trace:id = "a" || trace:id = "b" }');
});

test('the address has what is compared, and gives it back', () => {
  const query = new URLSearchParams({ sel: '{ status = error }', base: '{ }', unit: 'run', lookback: '1h' });
  expect(readDiffer(query)).toEqual({
    selection: '{ status = error }',
    baseline: '{ }',
    unit: 'run',
    period: { lookback: '1h', start: '', end: '' },
  });
  expect(Object.fromEntries(writeDiffer(readDiffer(query), new URLSearchParams()))).toEqual(Object.fromEntries(query));
});
