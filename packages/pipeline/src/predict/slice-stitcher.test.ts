import { createRandom } from '@glisson/imaging/random/seeded-random';
import { describe, expect, test } from 'vitest';
import { createSliceStitcher } from './slice-stitcher.ts';
import { tileGrid } from './tile-grid.ts';

const classes = { classes: 3, liver: 1, lesion: 2 };

describe.each([
  ['overlapping tiles', [37, 23], [16, 8], 0.5],
  ['a slice smaller than the tile', [11, 5], [16, 8], 0.25],
  ['small in one direction only', [40, 5], [16, 8], 0.3],
] as const)('stitching %s', (_name, slice, tile, overlap) => {
  const [width, height] = slice;
  const grid = tileGrid({ x: 0, y: 0, width, height }, tile, overlap);
  const area = tile[0] * tile[1];

  test.each([1, 2])('a network that repeats its input gives the slice back, %i passes', (passes) => {
    const random = createRandom(5);
    const image = Float32Array.from({ length: width * height }, () => random.uniform());
    const stitcher = createSliceStitcher(slice, grid, classes, passes);
    const sums = stitcher.begin();
    for (let t = 0; t < grid.positions.length; t++) {
      for (const mirrored of passes === 2 ? [false, true] : [false]) {
        const input = new Float32Array(3 + area).fill(-1);
        stitcher.cut(image, t, mirrored, [9], input, 3);
        const output = new Float32Array(3 * area);
        for (let i = 0; i < area; i++) {
          output[area + i] = 2 * input[3 + i]!;
          output[2 * area + i] = input[3 + i]!;
        }
        stitcher.add(sums, t, mirrored, output, 0);
      }
    }
    stitcher.finish(sums);
    for (let i = 0; i < image.length; i++) {
      expect(sums.lesion[i]).toBeCloseTo(image[i]!, 5);
      expect(sums.liver[i]).toBeCloseTo(3 * image[i]!, 5);
    }
  });

  test('what lies outside the slice is padding, in every channel', () => {
    const stitcher = createSliceStitcher(slice, grid, classes, 1);
    const image = new Float32Array(2 * width * height).fill(1);
    for (let t = 0; t < grid.positions.length; t++) {
      const input = new Float32Array(2 * area);
      stitcher.cut(image, t, false, [-7, -9], input, 0);
      const [x0, y0] = grid.positions[t]!;
      for (let c = 0; c < 2; c++) {
        for (let y = 0; y < tile[1]; y++) {
          for (let x = 0; x < tile[0]; x++) {
            const inside = x0 + x >= 0 && x0 + x < width && y0 + y >= 0 && y0 + y < height;
            expect(input[c * area + y * tile[0] + x]).toBe(inside ? 1 : [-7, -9][c]);
          }
        }
      }
    }
  });
});

test('pixels that no tile covers have probability 0', () => {
  const grid = tileGrid({ x: 2, y: 0, width: 4, height: 4 }, [4, 4], 0);
  const stitcher = createSliceStitcher([8, 4], grid, classes, 1);
  const sums = stitcher.begin();
  stitcher.add(sums, 0, false, new Float32Array(48).fill(0.25), 0);
  stitcher.finish(sums);
  expect([...sums.lesion.subarray(0, 8)]).toEqual([0, 0, 0.25, 0.25, 0.25, 0.25, 0, 0]);
});
