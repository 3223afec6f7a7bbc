import { describe, expect, test } from 'vitest';
import { age, carbon, count, duration, money, parseDuration, parseLookback, utcTime } from '@/model/units';

describe('durations have three significant digits', () => {
  test.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [1000, '1 µs'],
    [20_345, '20.3 µs'],
    [999_600, '1 ms'],
    [1_243_000_000, '1.24 s'],
    [61_000_000_000, '1 min 01 s'],
    [7_500_000_000_000, '2 h 05 min'],
    [273_600_000_000_000, '3 d 4 h'],
    [Number.NaN, '–'],
  ])('%d ns is %s', (nanos, text) => expect(duration(nanos)).toBe(text));
});

describe('money is exact', () => {
  test.each([
    [10_722_000, '$0.010722'],
    ['10722000', '$0.010722'],
    [0, '$0.00'],
    [1, '$0.000000001'],
    ['9007199254740993000000000', '$9,007,199,254,740,993.00'],
    ['-1500000000', '−$1.50'],
    [null, '–'],
  ])('%s nano-dollars are %s', (nanos, text) => expect(money(nanos)).toBe(text));
});

test('counts are grouped', () => {
  expect(count(1432)).toBe('1,432');
  expect(count('123456789')).toBe('123,456,789');
  expect(count(null)).toBe('–');
});

test('carbon below a milligram is shown in milligrams', () => {
  expect(carbon(0.213596242)).toBe('0.214 g');
  expect(carbon(0.0000421)).toBe('0.0421 mg');
});

test('UTC is exact to the nanosecond', () => {
  expect(utcTime('1764000000123456789')).toBe('2025-11-24T16:00:00.123456789Z');
});

test('ages', () => {
  expect(age('1764000000000000000', 1764000012_000)).toBe('12 s ago');
  expect(age('1764000000000000000', 1764007200_000)).toBe('2 h ago');
  expect(age('1764007200000000000', 1764000000_000)).toBe('in 2 h');
});

test("Go's durations and Jaeger's lookbacks", () => {
  expect(parseDuration('1.5ms')).toBe(1_500_000);
  expect(parseDuration('2m30s')).toBe(150e9);
  expect(parseDuration('300us')).toBe(300_000);
  expect(parseDuration('5')).toBe(null);
  expect(parseLookback('2d')).toBe(172_800_000);
  expect(parseLookback('custom')).toBe(null);
});
