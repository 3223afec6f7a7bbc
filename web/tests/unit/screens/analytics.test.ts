import { describe, expect, test } from 'vitest';
import { changeText, grams, mean, versionChange } from '@/screens/analytics/figures';
import { groupQuestion, kQuestions } from '@/screens/analytics/questions';
import { readAnalytics, writeAnalytics } from '@/screens/analytics/state';

describe('figures are said as meshflow report says them', () => {
  test.each([
    [139, 100, '+39 %'],
    [61, 100, '−39 %'],
    [100.4, 100, '='],
    [5, 0, 'new'],
    [0, 5, 'gone'],
    [0, 0, ''],
    [null, 5, 'gone'],
  ])('%s after %s: %s', (now, before, text) => {
    expect(changeText(now, before)).toBe(text);
  });
  test('a mean is rounded to the nearest whole', () => {
    expect(mean(181_191_000, 27)).toBe(6_710_778); // 6,710,777.8
    expect(mean(5, 0)).toBeNull();
  });
  test('carbon is exact', () => {
    expect(grams(228_945_246)).toBe('0.228945246 g');
    expect(grams(2_485_633_920)).toBe('2.48563392 g');
    expect(grams(0)).toBe('0 g');
    expect(grams(null)).toBe('–');
  });
  test('a version is compared with the one above it, the first with the period before', () => {
    const row = (workflow: string, tokens: number, before = 0) => ({
      workflow,
      now: { runs: 1, tokens },
      before: { runs: before > 0 ? 1 : 0, tokens: before },
    });
    expect(versionChange(row('a', 150), row('a', 100))).toBe('+50 %');
    expect(versionChange(row('a', 150), row('b', 100))).toBe('new');
    expect(versionChange(row('a', 150, 75), undefined)).toBe('+100 %');
  });
});

describe('the screen’s address', () => {
  test('has what is shown, and gives it back', () => {
    for (const text of ['', 'lookback=1h&by=model', 'by=role&view=table', 'start=1000&end=2000']) {
      const query = new URLSearchParams(text);
      expect(writeAnalytics(readAnalytics(query), new URLSearchParams()).toString().split('&').sort()).toEqual(
        text.split('&').sort(),
      );
    }
  });
  test('with an unknown group is the plain one', () => {
    expect(readAnalytics(new URLSearchParams('by=weather')).by).toBe('');
  });
});

test('what a panel asks in SQL is about its time', () => {
  const range = { from: 1000, to: 2000 };
  for (const question of [
    ...Object.values(kQuestions),
    groupQuestion('role', 'cost'),
    groupQuestion('workflow', 'p95'),
  ]) {
    expect(question.sql(range)).toContain('start_ns >= 1000000000 AND start_ns < 2000000000');
  }
});
