import { describe, expect, test } from 'vitest';
import type { Geometry } from '../geometry/geometry.ts';
import { createRandom } from '../random/seeded-random.ts';
import { createVolume } from '../volume/volume.ts';
import { resampleVolume, withSpacing } from './resample.ts';
import { resampleSlice, sliceMapBetween } from './resample-slice.ts';

const fine: Geometry = {
  size: [13, 11, 4],
  spacing: [0.7, 0.8, 2],
  origin: [4, 5, 6],
  direction: [0, 1, 0, -1, 0, 0, 0, 0, 1],
};

describe('resampleSlice', () => {
  test('is what resampleVolume does to every slice', () => {
    const coarse = withSpacing(fine, [1.4, 1.3, 2]);
    const random = createRandom(2, 'slice');
    const [w, h] = coarse.size;
    const values = Float32Array.from({ length: w * h * 4 }, () => random.uniform());
    const whole = resampleVolume(createVolume(coarse, values), fine, { antialias: false, outside: -1 });
    const map = sliceMapBetween(fine, coarse);
    let compared = 0;
    for (let k = 0; k < 4; k++) {
      const slice = resampleSlice(values.subarray(k * w * h, (k + 1) * w * h), [w, h], [13, 11], map);
      slice.forEach((value, i) => {
        if (whole.voxels[k * 143 + i] === -1) return;
        expect(value).toBeCloseTo(whole.voxels[k * 143 + i]!, 5);
        compared++;
      });
    }
    expect(compared).toBeGreaterThan(450);
  });

  test('hand-computed, into given memory', () => {
    const output = new Float32Array(3);
    const map = { scale: [1, 1], offset: [-0.25, 0.5] } as const;
    expect(resampleSlice(Float32Array.of(0, 4, 8, 12), [2, 2], [3, 1], map, output)).toBe(output);
    expect([...output]).toEqual([4, 7, 8]);
  });

  test('refuses buffers of another size and grids with other slices', () => {
    const map = { scale: [1, 1], offset: [0, 0] } as const;
    expect(() => resampleSlice(new Float32Array(3), [2, 2], [2, 2], map)).toThrow(/3 pixels/);
    expect(() => sliceMapBetween(fine, { ...fine, origin: [4, 5, 7] })).toThrow(/same slices/);
    expect(() => sliceMapBetween(fine, { ...fine, direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] })).toThrow(
      /same slices/,
    );
  });
});
