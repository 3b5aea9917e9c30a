import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import type { Geometry, Vec3 } from '../geometry/geometry.ts';
import { createRandom } from '../random/seeded-random.ts';
import { distanceTransform, signedDistance } from './distance.ts';

function grid(size: Vec3, spacing: Vec3): Geometry {
  return { size, spacing, origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
}

/** Every voxel against every mask voxel. */
function bruteForce(mask: Uint8Array, { size, spacing }: Geometry): number[] {
  const place = (at: number) =>
    [
      (at % size[0]) * spacing[0],
      (Math.floor(at / size[0]) % size[1]) * spacing[1],
      Math.floor(at / (size[0] * size[1])) * spacing[2],
    ] as const;
  const inside = [...mask.keys()].filter((at) => mask[at] !== 0).map(place);
  return Array.from(mask, (_, at) => {
    const p = place(at);
    return Math.min(...inside.map((q) => Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])));
  });
}

const side = fc.integer({ min: 1, max: 7 });
const length = fc.double({ min: 0.3, max: 6, noNaN: true });
const anyMask = fc
  .tuple(side, side, side)
  .chain((size) => {
    const count = size[0] * size[1] * size[2];
    return fc.tuple(
      fc.constant(size as Vec3),
      fc.tuple(length, length, length),
      fc.array(fc.nat(count - 1), { maxLength: 6 }),
    );
  })
  .map(([size, spacing, seeds]) => {
    const mask = new Uint8Array(size[0] * size[1] * size[2]);
    for (const seed of seeds) mask[seed] = 1 + (seed % 3);
    return { mask, geometry: grid(size, spacing) };
  });

describe('distanceTransform', () => {
  test('equals the distance to every mask voxel tried in turn; infinity when there is none', () => {
    fc.assert(
      fc.property(anyMask, ({ mask, geometry }) => {
        const ours = distanceTransform(mask, geometry);
        bruteForce(mask, geometry).forEach((wanted, at) => {
          if (wanted === Number.POSITIVE_INFINITY) expect(ours[at]).toBe(wanted);
          else expect(Math.abs(ours[at]! - wanted)).toBeLessThanOrEqual(1e-6 * (1 + wanted));
        });
      }),
      { numRuns: 300 },
    );
  });

  test('hand-computed: 3-4-5 triangles with spacing', () => {
    const mask = new Uint8Array(9);
    mask[0] = 1;
    const field = distanceTransform(mask, grid([3, 3, 1], [3, 4, 10]));
    expect([...field].map((v) => Math.round(v * 1e4) / 1e4)).toEqual([0, 3, 6, 4, 5, 7.2111, 8, 8.544, 10]);
  });

  test('refuses a mask of another size', () => {
    expect(() => distanceTransform(new Uint8Array(7), grid([2, 2, 2], [1, 1, 1]))).toThrow(/7 voxels/);
  });

  test.skipIf(!hasSystemTools(['python3-scipy']))(
    needs(['python3-scipy'], 'equals scipy.ndimage.distance_transform_edt with sampling'),
    () => {
      const size: Vec3 = [45, 38, 33];
      const spacing: Vec3 = [0.72, 0.68, 2.5];
      const random = createRandom(5, 'distance');
      const mask = Uint8Array.from({ length: size[0] * size[1] * size[2] }, () =>
        random.uniform() < 0.002 ? 1 : 0,
      );
      const program = `
import sys, numpy as np
from scipy import ndimage
m = np.frombuffer(sys.stdin.buffer.read(), dtype=np.uint8).reshape(33, 38, 45)
for a in (m == 0, m != 0):
    sys.stdout.buffer.write(ndimage.distance_transform_edt(a, sampling=(2.5, 0.68, 0.72)).astype('<f8').tobytes())
`;
      const run = spawnSync(debianPython, ['-c', program], { input: mask, maxBuffer: 2 ** 28 });
      expect(run.stderr.toString()).toBe('');
      const bytes = new Uint8Array(run.stdout);
      const theirs = new Float64Array(bytes.buffer, 0, 2 * mask.length);
      const ours = distanceTransform(mask, grid(size, spacing));
      const signed = signedDistance(mask, grid(size, spacing));
      let worst = 0;
      for (let i = 0; i < mask.length; i++) {
        worst = Math.max(worst, Math.abs(ours[i]! - theirs[i]!));
        const wanted = mask[i] === 0 ? theirs[i]! : -theirs[mask.length + i]!;
        worst = Math.max(worst, Math.abs(signed[i]! - wanted));
      }
      expect(worst).toBeLessThan(1e-5);
    },
  );
});

test('signedDistance: negative inside, infinite without a border', () => {
  const field = signedDistance(Uint8Array.of(0, 0, 1, 1, 1), grid([5, 1, 1], [2, 1, 1]));
  expect([...field]).toEqual([4, 2, -2, -4, -6]);
  expect([...signedDistance(Uint8Array.of(1, 1), grid([2, 1, 1], [1, 1, 1]))]).toEqual([
    -Infinity,
    -Infinity,
  ]);
  expect([...signedDistance(Uint8Array.of(0, 0), grid([2, 1, 1], [1, 1, 1]))]).toEqual([Infinity, Infinity]);
});
