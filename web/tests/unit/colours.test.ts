// Colours of src/styles/tokens.css, in both themes: marks reach 3:1 and text 4.5:1 on the page (WCAG 2.2, 1.4.11 and
// 1.4.3), and any two roles are told apart in normal sight and without red, green or blue cones (the matrices of
// Machado, Oliveira and Fernandes 2009, severity 1).
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

type Triple = [number, number, number];

const [light, dark] = readFileSync('src/styles/tokens.css', 'utf8').split(':root[data-theme="dark"]');
const coloursOf = (text: string) =>
  new Map([...text.matchAll(/--([a-z-]+): #([0-9a-f]{6});/g)].map(([, name, hex]) => [name, linear(hex)]));
const kThemes = [
  ['light', coloursOf(light)],
  ['dark', coloursOf(dark)],
] as const;

const kRoles = ['orchestrator', 'planner', 'researcher', 'executor', 'critic', 'guardian'];
const kSights: [string, Triple[]][] = [
  [
    'normal sight',
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
  ],
  [
    'protan sight',
    [
      [0.152286, 1.052583, -0.204868],
      [0.114503, 0.786281, 0.099216],
      [-0.003882, -0.048116, 1.051998],
    ],
  ],
  [
    'deutan sight',
    [
      [0.367322, 0.860646, -0.227968],
      [0.280085, 0.672501, 0.047413],
      [-0.01182, 0.04294, 0.968881],
    ],
  ],
  [
    'tritan sight',
    [
      [1.255528, -0.076749, -0.178779],
      [-0.078411, 0.930809, 0.147602],
      [0.004733, 0.691367, 0.3039],
    ],
  ],
];

// sRGB without its gamma.
function linear(hex: string): Triple {
  return [0, 2, 4].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as Triple;
}
const times = (matrix: Triple[], of: Triple): Triple =>
  matrix.map((row) => row[0] * of[0] + row[1] * of[1] + row[2] * of[2]) as Triple;
const luminance = ([red, green, blue]: Triple) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
function contrast(a: Triple, b: Triple): number {
  const [less, more] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (more + 0.05) / (less + 0.05);
}
// Ottosson's OKLab, in which 0.02 is about the least difference that one sees.
function oklab(colour: Triple): Triple {
  const cones = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    colour,
  ).map((each) => Math.cbrt(Math.max(0, each))) as Triple;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones,
  );
}
const distance = (a: Triple, b: Triple) => Math.hypot(...a.map((each, i) => each - b[i]));

describe.each(kThemes)('in the %s theme', (_, colours) => {
  test.each([...kRoles, 'neutral', 'bad', 'pending', 'line-strong'])('%s reaches 3:1', (name) => {
    expect(contrast(colours.get(name)!, colours.get('page')!)).toBeGreaterThanOrEqual(3);
  });
  test.each(['text', 'text-faint', 'bad', 'pending'])('%s as text reaches 4.5:1', (name) => {
    for (const ground of ['page', 'panel'])
      expect(contrast(colours.get(name)!, colours.get(ground)!)).toBeGreaterThanOrEqual(4.5);
  });
  test.each(kSights)('roles are told apart in %s', (_, matrix) => {
    const seen = kRoles.map((role) => oklab(times(matrix, colours.get(role)!)));
    const distances = seen.flatMap((a, i) => seen.slice(i + 1).map((b) => distance(a, b)));
    expect(Math.min(...distances)).toBeGreaterThan(0.05);
  });
});
