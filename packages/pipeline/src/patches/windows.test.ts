import { describe, expect, test } from 'vitest';
import { cutPatch, cutRectangle } from './cut-patch.ts';
import { windowGrid, windowsOfMask } from './window-grid.ts';

/** A slice of two channels whose every pixel is another number. */
function slice(width: number, height: number) {
  const data = Float32Array.from({ length: 2 * width * height }, (_, i) => i + 1);
  return { data, width, height, padding: -7 };
}

describe('patches', () => {
  test.each([
    [13, 10, 9],
    [12, 11, 7],
    [4, 3, 9],
  ])(
    'of a slice of %i x %i: those of the slice padded by half a patch of %i, the middle is the pixel',
    (width, height, size) => {
      const image = slice(width, height);
      const half = (size - 1) / 2;
      // Padded on all sides, as published: window (x, y) begins at (x, y) there.
      const padded = (c: number, x: number, y: number) => {
        const inside = x >= half && y >= half && x < width + half && y < height + half;
        return inside ? image.data[(c * height + y - half) * width + x - half]! : image.padding;
      };
      for (const [x, y] of [
        [0, 0],
        [width - 1, 0],
        [0, height - 1],
        [width - 1, height - 1],
        [width >> 1, height >> 1],
      ] as const) {
        const patch = new Float32Array(1 + 2 * size * size);
        cutPatch(image, [x, y], size, patch, 1);
        for (let c = 0; c < 2; c++) {
          for (let v = 0; v < size; v++) {
            for (let u = 0; u < size; u++) {
              expect(patch[1 + (c * size + v) * size + u]).toBe(padded(c, x + u, y + v));
            }
          }
          expect(patch[1 + (c * size + half) * size + half]).toBe(image.data[(c * height + y) * width + x]);
        }
      }
    },
  );

  test('a rectangle beside the slice is padding only', () => {
    const out = new Float32Array(2 * 4);
    cutRectangle(slice(5, 5), [6, -9], [2, 2], out, 0);
    expect([...out]).toEqual(new Array(8).fill(-7));
  });
});

describe('windowGrid', () => {
  test.each([
    { length: 512, stride: 7, windows: 74, last: 511 },
    { length: 512, stride: 8, windows: 64, last: 504 },
    { length: 513, stride: 8, windows: 65, last: 512 },
    { length: 1, stride: 4, windows: 1, last: 0 },
  ])('$length pixels at stride $stride have $windows windows', ({ length, stride, windows, last }) => {
    const grid = windowGrid({ width: length, height: 257 }, 257, stride, 128);
    expect(grid.columns).toBe(windows);
    expect((grid.columns - 1) * stride).toBe(stride === 7 ? 511 : last);
    expect(grid.centresX).toEqual([0, length - 1]);
  });

  test('less padding leaves out windows that reach beyond it, and none left is an error that says how to go on', () => {
    const grid = windowGrid({ width: 20, height: 16 }, 9, 2, 1);
    expect(grid.centresX).toEqual([3, 16]);
    const wanted = windowsOfMask(new Uint8Array(320).fill(1), 20, grid);
    const columns = new Set(
      [...wanted.keys()].filter((w) => wanted[w] === 1).map((w) => 2 * (w % grid.columns)),
    );
    expect([...columns].sort((a, b) => a - b)).toEqual([4, 6, 8, 10, 12, 14, 16]);
    expect(() => windowGrid({ width: 20, height: 7 }, 9, 2, 0, 'case 1')).toThrowError(
      /larger than the padded slice[\s\S]*case 1[\s\S]*9 x 9[\s\S]*padding\.pixels=4/,
    );
  });

  test('a pixel needs the windows around it', () => {
    const grid = windowGrid({ width: 10, height: 10 }, 3, 4, 1);
    const mask = new Uint8Array(100);
    mask[5 * 10 + 4] = 1;
    // x = 4 is a window centre itself, y = 5 lies between 4 and 8.
    expect([...windowsOfMask(mask, 10, grid)]).toEqual([0, 0, 0, 0, 1, 0, 0, 1, 0]);
    mask.fill(0);
    mask[99] = 1;
    expect([...windowsOfMask(mask, 10, grid)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});
