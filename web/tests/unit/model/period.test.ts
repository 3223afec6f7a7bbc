import { describe, expect, test } from 'vitest';
import { customPeriod, fitted, nanosOf, rangeOf, readPeriod, searchPath, stepOf, writePeriod } from '@/model/period';

const read = (text: string) => readPeriod(new URLSearchParams(text));

describe('the time that a screen is about', () => {
  test('is a day where the address says nothing', () => {
    expect(read('')).toEqual({ lookback: '24h', start: '', end: '' });
    expect(rangeOf(read(''), 86_400_000 + 5)).toEqual({ from: 5, to: 86_400_005 });
  });
  test('is what the address says, and written back the same', () => {
    for (const text of ['lookback=7d', 'start=1000000&end=2000000']) {
      expect(writePeriod(read(text), new URLSearchParams()).toString()).toBe(text);
    }
  });
  test('is the default where the address is wrong', () => {
    expect(read('lookback=soon').lookback).toBe('24h');
    expect(read('start=5&end=4').lookback).toBe('24h');
    expect(read('start=-5&end=4').lookback).toBe('24h');
  });
  test('leaves the address’ other parameters', () => {
    expect(writePeriod(read('lookback=1h'), new URLSearchParams('by=role&start=1&end=2')).toString()).toBe(
      'by=role&lookback=1h',
    );
  });
  test('marked in a chart is kept to the microsecond, outwards to whole milliseconds', () => {
    expect(customPeriod({ from: 1.5, to: 2.2 })).toEqual({ lookback: 'custom', start: '1000', end: '3000' });
    expect(rangeOf({ lookback: 'custom', start: '1500', end: '2500' })).toEqual({ from: 1, to: 3 });
  });
  test('leads to Search', () => {
    expect(searchPath({ from: 1000, to: 2000 }, 'a=b')).toBe(
      '/search?lookback=custom&start=1000000&end=2000000&tags=a%3Db',
    );
  });
});

test('nanoseconds of a time in ms are exact', () => {
  expect(nanosOf(1_795_679_369_287)).toBe('1795679369287000000');
});

describe('steps', () => {
  test('are the least that people count in and that give no more points than wanted', () => {
    expect(stepOf({ from: 0, to: 3_600_000 }, 60)).toBe(60);
    expect(stepOf({ from: 0, to: 3_601_000 }, 60)).toBe(120);
    expect(stepOf({ from: 0, to: 10 }, 60)).toBe(1);
    expect(stepOf({ from: 0, to: 400 * 86_400_000 }, 100)).toBe(4 * 86_400);
  });
});

describe('what charts show of a time', () => {
  const range = { from: 0, to: 100_000 };
  test('is the part where something is, with some room', () => {
    expect(fitted(range, { from: 50_000, to: 60_000 })).toEqual({ from: 49_000, to: 61_000 });
  });
  test('is all of it where it is filled, or nothing is there', () => {
    expect(fitted(range, { from: 1000, to: 90_000 })).toBe(range);
    expect(fitted(range, null)).toBe(range);
  });
  test('never goes beyond it', () => {
    expect(fitted(range, { from: 99_900, to: 100_000 })).toEqual({ from: 98_900, to: 100_000 });
  });
});
