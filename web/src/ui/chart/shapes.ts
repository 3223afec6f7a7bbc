// What a chart computes apart from its canvas.

// Patterns that tell lines of one colour apart; the first is none.
const kDashes: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [2, 5]];
export const kDashCount = kDashes.length;
export const dashOf = (index: number): number[] => [...kDashes[index % kDashes.length]];

type Values = readonly (number | null)[];

// Each list with those behind it added, so that painted in order the first stands on top and every part shows.
export function stacked(lists: readonly Values[]): (number | null)[][] {
  const out = lists.map((list) => [...list]);
  for (let i = out.length - 2; i >= 0; --i) {
    out[i] = out[i].map((value, at) => {
      const below = out[i + 1][at];
      return value === null && below === null ? null : (value ?? 0) + (below ?? 0);
    });
  }
  return out;
}

// The index of the dot nearest to a place within `reach`; −1: none is.
export function nearestDot(dots: readonly { x: number; y: number }[], x: number, y: number, reach: number): number {
  let best = -1;
  let least = reach * reach;
  dots.forEach((dot, i) => {
    const distance = (dot.x - x) ** 2 + (dot.y - y) ** 2;
    if (distance <= least) {
      least = distance;
      best = i;
    }
  });
  return best;
}
