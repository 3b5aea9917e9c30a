import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { createRandom } from '../random/seeded-random.ts';
import { histogram, percentiles } from './histogram.ts';
import { maskStatistics } from './statistics.ts';

describe('histogram', () => {
  test('bins are closed below and open above; the rest is counted too', () => {
    const voxels = Float32Array.of(-1, 0, 9.99, 10, 19, 20, 29.9, 30, Number.NaN, Number.POSITIVE_INFINITY);
    expect(histogram(voxels, { low: 0, high: 30, bins: 3 })).toEqual({
      low: 0,
      binWidth: 10,
      counts: Uint32Array.of(2, 2, 2),
      below: 1,
      above: 2,
      notANumber: 1,
    });
    const mask = Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    expect([...histogram(voxels, { low: 0, high: 30, bins: 3 }, mask).counts]).toEqual([1, 0, 0]);
  });

  test('refuses impossible bins and a mask of another length', () => {
    const voxels = Int16Array.of(1, 2);
    expect(() => histogram(voxels, { low: 3, high: 3, bins: 2 })).toThrow(/bins/);
    expect(() => histogram(voxels, { low: 0, high: 3, bins: 0 })).toThrow(/bins/);
    expect(() => histogram(voxels, { low: 0, high: 3, bins: 3 }, new Uint8Array(3))).toThrow(/3 mask voxels/);
  });
});

describe('percentiles', () => {
  test('hand-computed, in both types', () => {
    for (const voxels of [Int16Array.of(40, -10, 20, 30), Float32Array.of(40, -10, Number.NaN, 20, 30)])
      expect(percentiles(voxels, [0, 50, 100, 25])).toEqual([-10, 25, 40, 12.5]);
    expect(percentiles(Int16Array.of(7, 9), [0, 99], Uint8Array.of(1, 0))).toEqual([7, 7]);
    expect(percentiles(new Int16Array(2), [50], new Uint8Array(2))).toEqual([Number.NaN]);
    expect(() => percentiles(new Int16Array(2), [101])).toThrow(/101/);
  });

  test('floats of any size and sign keep their order', () => {
    const value = fc.oneof(
      fc.float(),
      fc.constantFrom(0, -0, 1e-40, -1e-40, Infinity, -Infinity, Number.NaN),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), (values) => {
        const sorted = Float32Array.from(values)
          .filter((v) => !Number.isNaN(v))
          .sort();
        const wanted =
          sorted.length === 1 ? [50] : Array.from(sorted, (_, i) => (100 * i) / (sorted.length - 1));
        // Ranks that rounding puts between two values are not compared.
        const whole = wanted.filter((p) => Number.isInteger((p / 100) * (sorted.length - 1)));
        const ranks = whole.map((p) => (p / 100) * (sorted.length - 1));
        expect(percentiles(Float32Array.from(values), whole).map((v) => v + 0)).toEqual(
          ranks.map((rank) => sorted[rank]! + 0),
        );
      }),
    );
  });

  test.skipIf(!hasSystemTools(['python3-numpy']))(
    needs(['python3-numpy'], 'percentiles, mean, sd and range equal numpy'),
    () => {
      const random = createRandom(12, 'percentiles');
      const voxels = Int16Array.from({ length: 20000 }, () => Math.round(1000 + 40 * random.normal()));
      const mask = Uint8Array.from({ length: 20000 }, () => random.integer(3));
      const program = `
import sys, json, numpy as np
b = sys.stdin.buffer.read()
v = np.frombuffer(b[:40000], dtype='<i2'); m = np.frombuffer(b[40000:], dtype=np.uint8)
s = v[m == 2]
print(json.dumps([list(np.percentile(v[m != 0], [0.5, 33.3, 50, 99.5])), [len(s), s.mean(), s.std(), int(s.min()), int(s.max())]]))
`;
      const bytes = Buffer.concat([Buffer.from(voxels.buffer), Buffer.from(mask)]);
      const run = spawnSync(debianPython, ['-c', program], { input: bytes, encoding: 'utf8' });
      const [wanted, [count, mean, sd, min, max]] = JSON.parse(run.stdout);
      for (const typed of [voxels, Float32Array.from(voxels)]) {
        percentiles(typed, [0.5, 33.3, 50, 99.5], mask).forEach((value, i) => {
          expect(value).toBeCloseTo(wanted[i], 9);
        });
        const ours = maskStatistics(typed, mask, 2);
        expect([ours.count, ours.min, ours.max]).toEqual([count, min, max]);
        expect(ours.mean).toBeCloseTo(mean, 8);
        expect(ours.sd).toBeCloseTo(sd, 8);
      }
    },
  );
});

describe('maskStatistics', () => {
  test('NaN voxels are told apart; an empty mask has no mean', () => {
    const voxels = Float32Array.of(1, 3, Number.NaN, 100);
    expect(maskStatistics(voxels, Uint8Array.of(1, 2, 1, 0))).toEqual({
      count: 2,
      notANumber: 1,
      mean: 2,
      sd: 1,
      min: 1,
      max: 3,
    });
    expect(maskStatistics(voxels, new Uint8Array(4)).mean).toBeNaN();
    expect(() => maskStatistics(voxels, new Uint8Array(5))).toThrow(/5 mask voxels/);
  });

  test('a large mean costs no digits', () => {
    const voxels = Float32Array.of(1e6, 1e6 + 1, 1e6 + 2);
    expect(maskStatistics(voxels, Uint8Array.of(1, 1, 1)).sd).toBeCloseTo(Math.sqrt(2 / 3), 10);
  });
});
