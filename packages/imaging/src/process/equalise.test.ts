import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { createRandom } from '../random/seeded-random.ts';
import { clahe } from './clahe.ts';
import { equaliseHistogram } from './equalise.ts';

/** A slice of 61 x 47 with an organ, noise and a black border; not divisible by tiles. */
const size = [61, 47] as const;
function slice(): { values: Float64Array; mask: Uint8Array } {
  const random = createRandom('equalise');
  const values = new Float64Array(size[0] * size[1]);
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const [x, y] = [i % size[0], Math.floor(i / size[0])];
    const inside = ((x - 30) / 26) ** 2 + ((y - 23) / 20) ** 2 < 1;
    mask[i] = inside ? 1 : 0;
    values[i] = inside ? 40 + 60 * Math.sin(x / 9) + 20 * random.normal() : -160;
    values[i] = Math.min(240, Math.max(-160, values[i]!));
  }
  // The ends of the range occur inside the mask, so that scikit-image's range is the same one.
  values[23 * 61 + 30] = -160;
  values[23 * 61 + 31] = 240;
  return { values, mask };
}

/** Runs Python with input arrays as files `a.bin`, … and gives back the file `out.bin`. */
function python(script: string, inputs: Readonly<Record<string, ArrayBufferView>>): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'glisson-equalise-'));
  try {
    for (const [name, array] of Object.entries(inputs)) {
      writeFileSync(join(folder, name), new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
    execFileSync(debianPython, ['-W', 'ignore', '-c', script], { cwd: folder });
    return readFileSync(join(folder, 'out.bin'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('equaliseHistogram', () => {
  test('by hand: shares of the counted values, between bin centres', () => {
    const out = equaliseHistogram([0, 1, 1, 3], { range: [0, 4], bins: 4 });
    // Bins hold 1, 2, 0, 1: shares 0.25, 0.75, 0.75, 1 at 0.5, 1.5, 2.5, 3.5.
    expect([...out]).toEqual([0.25, 0.5, 0.5, 0.875]);
    const masked = equaliseHistogram([0, 1, 1, 3], {
      range: [0, 4],
      bins: 4,
      mask: Uint8Array.of(0, 1, 0, 1),
    });
    expect([...masked]).toEqual([0, 0.25, 0.25, 0.75]);
  });

  test('values beyond the range count at its ends; an empty mask counts all', () => {
    const out = equaliseHistogram([-100, 1, 9], { range: [0, 2], bins: 2, mask: new Uint8Array(3) });
    expect([...out]).toEqual([Math.fround(1 / 3), Math.fround(2 / 3), 1]);
    expect(() => equaliseHistogram([1], { range: [2, 2] })).toThrow(RangeError);
  });

  test.skipIf(!hasSystemTools(['python3-skimage']))(
    needs(['python3-skimage'], 'gives the numbers of scikit-image, with and without a mask'),
    () => {
      const { values, mask } = slice();
      for (const masked of [false, true]) {
        const script = `
import numpy as np
from skimage.exposure import equalize_hist
a = np.fromfile('a.bin').reshape(${size[1]}, ${size[0]})
m = np.fromfile('m.bin', np.uint8).reshape(a.shape) > 0
equalize_hist(a, nbins=256, mask=${masked ? 'm' : 'None'}).astype(np.float64).tofile('out.bin')`;
        const bytes = python(script, { 'a.bin': values, 'm.bin': mask });
        const expected = new Float64Array(
          bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
        );
        const found = equaliseHistogram(values, { range: [-160, 240], mask: masked ? mask : undefined });
        const largest = Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)));
        expect(largest).toBeLessThan(1e-6);
      }
    },
  );
});

describe('clahe', () => {
  const grey = () => Uint8Array.from(slice().values, (value) => Math.round(((value + 160) / 400) * 255));

  test.skipIf(!hasSystemTools(['python3-cv2']))(
    needs(['python3-cv2'], 'gives the numbers of OpenCV, also where the tiles do not divide the slice'),
    () => {
      for (const { clipLimit, tiles } of [
        { clipLimit: 2, tiles: [8, 8] },
        { clipLimit: 40, tiles: [3, 5] },
        { clipLimit: 1, tiles: [1, 1] },
      ] as const) {
        const script = `
import numpy as np, cv2
a = np.fromfile('a.bin', np.uint8).reshape(${size[1]}, ${size[0]})
cv2.createCLAHE(clipLimit=${clipLimit}, tileGridSize=(${tiles.join()})).apply(a).tofile('out.bin')`;
        const expected = python(script, { 'a.bin': grey() });
        const found = clahe(grey(), size, { clipLimit, tiles });
        const differences = [...found].map((value, i) => Math.abs(value - expected[i]!));
        // Sums are float32 there.
        expect(Math.max(...differences)).toBeLessThanOrEqual(1);
        expect(differences.filter((d) => d > 0).length / differences.length).toBeLessThan(0.02);
      }
    },
  );

  test('a mask decides what is counted: the border does not change what becomes of the organ', () => {
    const { mask } = slice();
    const black = grey();
    const white = black.map((value, i) => (mask[i] === 0 ? 255 : value));
    const options = { clipLimit: 2, tiles: [4, 4] as const, mask };
    const [a, b] = [clahe(black, size, options), clahe(white, size, options)];
    const inside = (image: Uint8Array) => image.filter((_, i) => mask[i] === 1);
    expect(inside(a)).toEqual(inside(b));
    expect(inside(clahe(black, size, { ...options, mask: undefined }))).not.toEqual(inside(a));
  });

  test('tiles without counted pixels leave them as they are', () => {
    const image = grey();
    expect(clahe(image, size, { clipLimit: 2, tiles: [2, 2], mask: new Uint8Array(image.length) })).toEqual(
      image,
    );
  });
});
