import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitTile, growToTile, tileGrid, tileStarts } from './tile-grid.ts';
import { tileWeights } from './tile-weights.ts';

describe('tile grid', () => {
  test('by hand: last tile flush with the edge, small lines padded on both sides', () => {
    expect(tileStarts(512, 256, 0.5)).toEqual([0, 128, 256]);
    expect(tileStarts(300, 256, 0.5)).toEqual([0, 44]);
    expect(tileStarts(256, 256, 0.5)).toEqual([0]);
    expect(tileStarts(251, 256, 0.5)).toEqual([-2]);
  });

  test('tiles cover every pixel, stay inside, and overlap at least as wanted', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 1, max: 300 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (length, tile, overlap) => {
          const starts = tileStarts(length, tile, overlap);
          expect(starts.at(-1)! + tile).toBeGreaterThanOrEqual(length);
          if (length >= tile) {
            expect(starts[0]).toBe(0);
            expect(starts.at(-1)! + tile).toBe(length);
          } else {
            expect(starts).toHaveLength(1);
            expect(starts[0]).toBeLessThanOrEqual(0);
          }
          const widest = Math.max(1, Math.floor(tile * (1 - overlap)));
          for (let n = 1; n < starts.length; n++) {
            expect(starts[n]! - starts[n - 1]!).toBeLessThanOrEqual(widest);
            expect(starts[n]! - starts[n - 1]!).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  test('the tile fits the region: smaller, a little larger, or as planned, and always divisible', () => {
    const fit = (width: number, height: number) => fitTile([256, 256], { width, height }, 16);
    expect(fit(190, 141)).toEqual([192, 144]);
    expect(fit(270, 320)).toEqual([272, 320]);
    expect(fit(321, 512)).toEqual([256, 256]);
    expect(fitTile([250, 100], { width: 500, height: 500 }, 4)).toEqual([252, 100]);
    expect(fitTile([250, 100], { width: 20, height: 500 }, null)).toEqual([250, 100]);
  });

  test('positions run row by row from the region', () => {
    const grid = tileGrid({ x: 10, y: 20, width: 6, height: 4 }, [4, 4], 0.5);
    expect(grid.positions).toEqual([
      [10, 20],
      [12, 20],
    ]);
  });

  test('a region grows to the tile inside the slice, and never beyond it', () => {
    expect(growToTile({ x: 0, y: 90, width: 10, height: 10 }, [100, 100], [32, 32])).toEqual({
      x: 0,
      y: 68,
      width: 32,
      height: 32,
    });
    expect(growToTile({ x: 5, y: 5, width: 10, height: 10 }, [20, 200], [32, 8])).toEqual({
      x: 0,
      y: 5,
      width: 20,
      height: 10,
    });
  });

  test('weights are mirror-symmetric, largest in the middle, never zero', () => {
    const weights = tileWeights([16, 8]);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 16; x++) {
        const weight = weights[y * 16 + x]!;
        expect(weight).toBeGreaterThanOrEqual(Math.fround(1e-4));
        expect(weight).toBe(weights[y * 16 + 15 - x]);
        expect(weight).toBe(weights[(7 - y) * 16 + x]);
      }
    }
    expect(weights[3 * 16 + 7]! / weights[3 * 16 + 5]!).toBeCloseTo(Math.exp((2.5 ** 2 - 0.5 ** 2) / 8), 4);
  });
});
