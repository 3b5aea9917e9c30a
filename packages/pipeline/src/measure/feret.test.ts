import { createRandom } from '@glisson/imaging/random/seeded-random';
import { describe, expect, test } from 'vitest';
import { maximumFeret, type PixelRow } from './feret.ts';

describe('maximum Feret diameter', () => {
  test('one pixel measures its diagonal', () => {
    const feret = maximumFeret([{ j: 4, first: 7, last: 7 }], [3, 4]);
    expect(feret.mm).toBe(5);
  });

  test('a line of pixels, by hand: 5 pixels of 2 mm by 1 mm', () => {
    expect(maximumFeret([{ j: 0, first: 2, last: 6 }], [2, 1]).mm).toBeCloseTo(Math.hypot(10, 1), 12);
  });

  test('ends lie on the outer corners', () => {
    const rows: PixelRow[] = [
      { j: 1, first: 1, last: 1 },
      { j: 2, first: 2, last: 2 },
      { j: 3, first: 3, last: 3 },
    ];
    const { mm, ends } = maximumFeret(rows, [1, 1]);
    expect(mm).toBeCloseTo(Math.hypot(3, 3), 12);
    expect(ends).toEqual([
      [0.5, 0.5],
      [3.5, 3.5],
    ]);
  });

  test('agrees with trying all corner pairs', () => {
    const random = createRandom(11);
    for (let trial = 0; trial < 60; trial++) {
      const spacing: [number, number] = [random.between(0.4, 2), random.between(0.4, 2)];
      const rows = Array.from({ length: 1 + random.integer(9) }, (_, j): PixelRow => {
        const first = random.integer(12);
        return { j, first, last: first + random.integer(8) };
      });
      let longest = 0;
      const corners = rows.flatMap(({ j, first, last }) =>
        [first - 0.5, last + 0.5].flatMap((x) => [
          [x, j - 0.5],
          [x, j + 0.5],
        ]),
      );
      for (const [x, y] of corners) {
        for (const [u, v] of corners) {
          longest = Math.max(longest, Math.hypot((x! - u!) * spacing[0], (y! - v!) * spacing[1]));
        }
      }
      expect(maximumFeret(rows, spacing).mm).toBeCloseTo(longest, 10);
    }
  });
});
