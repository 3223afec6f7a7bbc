import { describe, expect, test } from 'vitest';
import { csvCell, linkTarget, pieces, plain, shortened } from '@/model/text';

describe('text from outside', () => {
  test('what does not show is shown as an escape', () => {
    expect(plain('a\u202Eb')).toBe('a\\u202eb'); // right-to-left override
    expect(plain('a\u200Bb\u0000')).toBe('a\\u200bb\\u0000');
    expect(plain('\uD800')).toBe('\\ud800'); // half a character
    expect(plain('tab\tline\n')).toBe('tab\tline\n');
    expect(plain('עברית 😀 é')).toBe('עברית 😀 é');
    expect(pieces('a\u202E\u202Db')).toEqual([
      { text: 'a', escaped: false },
      { text: '\\u202e\\u202d', escaped: true },
      { text: 'b', escaped: false },
    ]);
  });

  test('is cut between characters', () => {
    expect(shortened('abcdef', 3)).toBe('abc…');
    expect(shortened('ab😀cd', 3)).toBe('ab…');
    expect(shortened('abc', 3)).toBe('abc');
  });

  test('is a link for http and https alone', () => {
    expect(linkTarget('https://example.org/a?b')).toBe('https://example.org/a?b');
    for (const text of [
      'javascript:alert(1)',
      'data:text/html,x',
      'https://exa\u202Emple.org',
      ' http://a b',
      'ftp://x',
      'see https://x.org',
    ]) {
      expect(linkTarget(text)).toBe(null);
    }
  });

  test('is never a formula in a CSV file', () => {
    expect(csvCell('=1+1')).toBe("'=1+1");
    expect(csvCell('@cmd')).toBe("'@cmd");
    expect(csvCell('-1.5')).toBe('-1.5');
    expect(csvCell('-x')).toBe("'-x");
    expect(csvCell('a "b", c')).toBe('"a ""b"", c"');
  });
});
