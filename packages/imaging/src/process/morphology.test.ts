import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import type { Geometry, Vec3 } from '../geometry/geometry.ts';
import { createRandom } from '../random/seeded-random.ts';
import { fillHoles } from './fill-holes.ts';
import { closeMask, dilate, erode, erodeByFaces, openMask } from './morphology.ts';

const grid = (size: Vec3, spacing: Vec3): Geometry => ({
  size,
  spacing,
  origin: [0, 0, 0],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
});
const sum = (mask: Uint8Array) => mask.reduce((a, b) => a + b, 0);

describe('morphology in mm', () => {
  test('dilating one voxel by 2 mm gives the lattice points of an ellipsoid', () => {
    const mask = new Uint8Array(7 * 7 * 7);
    mask[3 + 7 * (3 + 7 * 3)] = 5;
    const grown = dilate(mask, grid([7, 7, 7], [1, 1, 2]), 2);
    // In the plane 13 voxels lie within 2 mm; one more above and below.
    expect(sum(grown)).toBe(15);
    expect(Math.max(...grown)).toBe(1);
  });

  test('eroding takes the rim off, but not at the border of the grid', () => {
    const line = Uint8Array.of(0, 1, 1, 1, 1, 1);
    expect([...erode(line, grid([6, 1, 1], [1, 1, 1]), 2)]).toEqual([0, 0, 0, 1, 1, 1]);
    expect([...erode(line, grid([6, 1, 1], [0.7, 1, 1]), 1)]).toEqual([0, 0, 1, 1, 1, 1]);
    const full = new Uint8Array(27).fill(1);
    expect(erode(full, grid([3, 3, 3], [1, 1, 1]), 50)).toEqual(full);
    expect(sum(dilate(new Uint8Array(27), grid([3, 3, 3], [1, 1, 1]), 50))).toBe(0);
  });

  test('a thread vanishes by opening, a gap by closing', () => {
    const size: Vec3 = [20, 9, 1];
    const mask = new Uint8Array(180);
    for (let y = 1; y < 8; y++) for (let x = 1; x < 8; x++) mask[x + 20 * y] = 1;
    for (let x = 8; x < 19; x++) mask[x + 20 * 4] = 1;
    const opened = openMask(mask, grid(size, [1, 1, 1]), 1);
    expect(opened[15 + 20 * 4]).toBe(0);
    expect(opened[4 + 20 * 4]).toBe(1);
    const slit = mask.slice();
    for (let y = 1; y < 8; y++) slit[4 + 20 * y] = 0;
    expect(closeMask(slit, grid(size, [1, 1, 1]), 1)[4 + 20 * 4]).toBe(1);
  });

  test.skipIf(!hasSystemTools(['python3-scipy']))(
    needs(['python3-scipy'], 'balls, faces and filled holes equal scipy.ndimage'),
    () => {
      const size: Vec3 = [31, 29, 17];
      const random = createRandom(9, 'morphology');
      const noise = Uint8Array.from({ length: size[0] * size[1] * size[2] }, () =>
        random.uniform() < 0.62 ? 1 : 0,
      );
      const program = `
import sys, numpy as np
from scipy import ndimage as nd
m = np.frombuffer(sys.stdin.buffer.read(), dtype=np.uint8).reshape(17, 29, 31)
s = (2.0, 0.8, 0.7)
far = nd.distance_transform_edt(m == 0, sampling=s)
deep = nd.distance_transform_edt(np.asarray(m), sampling=s)
faces = nd.binary_erosion(m, nd.generate_binary_structure(3, 1), border_value=1)
cross = nd.generate_binary_structure(2, 1)
z = np.stack([nd.binary_fill_holes(p, cross) for p in m])
x = np.stack([nd.binary_fill_holes(m[:, :, i], cross) for i in range(31)], axis=2)
for a in (far <= 1.0, deep > 0.9, faces, z, x):
    sys.stdout.buffer.write(a.astype(np.uint8).tobytes())
`;
      const run = spawnSync(debianPython, ['-c', program], { input: noise, maxBuffer: 2 ** 26 });
      expect(run.stderr.toString()).toBe('');
      const geometry = grid(size, [0.7, 0.8, 2]);
      const ours = [
        dilate(noise, geometry, 1),
        erode(noise, geometry, 0.9),
        erodeByFaces(noise, size),
        fillHoles(noise, size),
        fillHoles(noise, size, 0),
      ];
      ours.forEach((mask, i) => {
        const theirs = new Uint8Array(run.stdout.subarray(i * noise.length, (i + 1) * noise.length));
        expect(sum(theirs)).not.toBe(sum(noise));
        expect(mask).toEqual(theirs);
      });
    },
  );
});

describe('fillHoles', () => {
  test('a ring is filled, a gap over an edge opens it, a diagonal gap does not', () => {
    const ring = [
      [0, 0, 0, 0, 0],
      [0, 1, 1, 1, 0],
      [0, 1, 0, 1, 0],
      [0, 1, 1, 1, 0],
      [0, 0, 0, 0, 0],
    ];
    const closed = Uint8Array.from(ring.flat());
    expect(sum(fillHoles(closed, [5, 5, 1]))).toBe(9);
    const diagonal = closed.slice();
    diagonal[6] = 0;
    expect(sum(fillHoles(diagonal, [5, 5, 1]))).toBe(8);
    const open = closed.slice();
    open[7] = 0;
    expect(fillHoles(open, [5, 5, 1])).toEqual(open);
  });

  test('slices of the wanted axis, each for itself; the input stays as it is', () => {
    // A box with walls on x and y only, open along z: closed in every axial slice, open in the others.
    const size: Vec3 = [3, 3, 2];
    const tube = Uint8Array.from([1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]);
    const before = tube.slice();
    expect(sum(fillHoles(tube, size))).toBe(18);
    expect(sum(fillHoles(tube, size, 0))).toBe(16);
    expect(sum(fillHoles(tube, size, 1))).toBe(16);
    expect(tube).toEqual(before);
  });
});
