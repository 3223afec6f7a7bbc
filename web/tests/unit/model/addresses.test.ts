import { describe, expect, test } from 'vitest';
import { readId, readTracePath } from '@/model/ids';
import { formatTags, parseTags, TagsError } from '@/model/logfmt';
import { kSearchDefaults, readSearch, type SearchState, writeSearch } from '@/model/search_url';
import { kTraceDefaults, readTrace, writeTrace } from '@/model/trace_url';

const search = (query: string) => readSearch(new URLSearchParams(query));

describe('ids', () => {
  test('of traces are zero-padded as Jaeger does', () => {
    expect(readTracePath('ab')).toEqual({ a: '000000000000000000000000000000ab', b: null });
    expect(readTracePath('AB...cd')).toEqual({ a: `${'0'.repeat(30)}ab`, b: `${'0'.repeat(30)}cd` });
    expect(readTracePath('xyz')).toBe(null);
    expect(readTracePath('a...b...c')).toBe(null);
  });

  test('are told apart', () => {
    expect(readId(' run_abc123 ')).toEqual({ kind: 'run', id: 'run_abc123' });
    expect(readId('4bf92f3577b34da6a3ce929d0e0e4736').kind).toBe('trace');
    expect(readId('4BF92F35')).toEqual({ kind: 'prefix', id: '4bf92f35' });
    expect(readId('hello').kind).toBe('none');
  });
});

describe('the Tags field', () => {
  test.each([
    ['run_id=run_1 verdict=blocked', { run_id: 'run_1', verdict: 'blocked' }],
    ['cost_usd > 0.01', { cost_usd: '> 0.01' }],
    ['cost_usd>=0.01', { cost_usd: '>= 0.01' }],
    ['meshflow.verdict = blocked', { 'meshflow.verdict': 'blocked' }],
    ['error', { error: 'true' }],
    ['msg="two words" a="b\\"c"', { msg: 'two words', a: 'b"c' }],
    ['', {}],
  ])('%s', (text, tags) => expect(parseTags(text)).toEqual(tags));

  test('says where it is wrong', () => {
    expect(() => parseTags('a=b msg="x')).toThrow(TagsError);
    expect(() => parseTags('=x')).toThrow('a tag begins with its name');
  });

  test('is written so that it reads the same', () => {
    for (const tags of [{ a: 'b', cost_usd: '> 0.01' }, { 'a b': 'c "d"' }, { empty: '' }] as Record<
      string,
      string
    >[]) {
      expect(parseTags(formatTags(tags))).toEqual(tags);
    }
  });
});

describe("the Search screen's address", () => {
  test("Jaeger's address is understood", () => {
    const state = search(
      'end=1764000000000000&limit=50&lookback=2d&maxDuration&minDuration=1ms&operation=all&service=meshflow&start=1763900000000000&tags=%7B%22run_id%22%3A%22run_1%22%7D',
    );
    expect(state).toEqual({
      ...kSearchDefaults,
      limit: 50,
      lookback: '2d',
      minDuration: '1ms',
      service: 'meshflow',
      tags: 'run_id=run_1',
    });
    expect(search('start=1&end=2').lookback).toBe('custom');
    expect(search('tag=error:true&tag=a:b').tags).toBe('error=true a=b');
  });

  test('is what it was made from', () => {
    const state: SearchState = {
      service: 'a&b',
      operation: 'GET /',
      tags: 'cost_usd > 0.01',
      lookback: 'custom',
      start: '1763900000000000',
      end: '1764000000000000',
      minDuration: '1ms',
      maxDuration: '2s',
      limit: 100,
      traceIds: ['ab', 'cd'],
      sort: '-cost_nano_usd',
      group: 'workflow',
      live: true,
    };
    expect(readSearch(writeSearch(state))).toEqual(state);
    expect(writeSearch(kSearchDefaults).toString()).toBe('');
  });

  test('limits are held', () => {
    expect(search('limit=9999').limit).toBe(1500);
    expect(search('limit=-3').limit).toBe(20);
  });
});

describe("a trace's address", () => {
  test('is what it was made from, and keeps what it does not know', () => {
    const state = {
      ...kTraceDefaults,
      view: 'table' as const,
      span: 'eee19b7ec3c1b174',
      find: '{ status = error }',
      critical: true,
      from: 0.25,
      to: 0.5,
    };
    const query = writeTrace(state, new URLSearchParams('uiEmbed=v0'));
    expect(query.get('uiEmbed')).toBe('v0');
    expect(readTrace(query)).toEqual(state);
  });

  test('nonsense is ignored', () => {
    expect(readTrace(new URLSearchParams('view=nothing&span=zz&zoom=0.9-0.1'))).toEqual(kTraceDefaults);
  });
});
