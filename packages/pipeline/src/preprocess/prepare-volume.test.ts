import {
  type Geometry,
  geometriesAgree,
  identityDirection,
  indexToWorld,
  type Mat3,
  worldToIndex,
} from '@glisson/imaging/geometry/geometry';
import { axisMapToLps, invertAxisMap, reorientVolume } from '@glisson/imaging/process/reorient';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { prepareLabels } from './prepare-labels.ts';
import { prepareVolume } from './prepare-volume.ts';
import { preparedGeometry } from './prepared-grid.ts';
import { contextSliceIndices, writeSliceChannels } from './slice-stack.ts';

const plan = { windowHU: [-160, 240] as [number, number], spacingMm: [2, 2] as [number, number] };

function grid(
  size: [number, number, number],
  spacing: [number, number, number],
  direction: Mat3 = identityDirection,
): Geometry {
  return { size, spacing, origin: [-31, 17, 120], direction };
}

/** A turn about z by 20 degrees, then about x by 10. */
const oblique = (() => {
  const [c, s, d, t] = [Math.cos(0.35), Math.sin(0.35), Math.cos(0.17), Math.sin(0.17)];
  return [c, -s, 0, s * d, c * d, -t, s * t, c * t, d] as const;
})();

describe('preparedGeometry', () => {
  test('keeps the centre of the field of view and its extent up to half a voxel', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 600 })),
        fc.double({ min: 0.3, max: 3, noNaN: true }),
        fc.double({ min: 0.5, max: 3, noNaN: true }),
        ([w, h], spacing, wanted) => {
          const source = grid([w, h, 5], [spacing, spacing, 4], oblique);
          const made = preparedGeometry(source, { spacingMm: [wanted, wanted] });
          const middle = (g: Geometry) => indexToWorld(g, [(g.size[0] - 1) / 2, (g.size[1] - 1) / 2, 2]);
          const [a, b] = [middle(source), middle(made)];
          expect(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])).toBeLessThan(1e-9);
          expect(made.spacing).toEqual([wanted, wanted, 4]);
          if (w * spacing > wanted) {
            expect(Math.abs(made.size[0] * wanted - w * spacing)).toBeLessThanOrEqual(wanted / 2 + 1e-9);
          }
        },
      ),
    );
  });
});

describe('prepareVolume', () => {
  test('refuses a scan whose stated spacing makes it larger than a house', () => {
    const volume = createVolume(grid([4, 4, 2], [30_000, 30_000, 3]), new Int16Array(32));
    expect(() => prepareVolume(volume, plan)).toThrow(/120000 x 120000 mm, 2 slices/);
  });

  test('on a grid that has the spacing already, it clips and nothing else', () => {
    const voxels = Int16Array.from({ length: 60 }, (_, i) => i * 13 - 400);
    const prepared = prepareVolume(createVolume(grid([5, 4, 3], [2, 2, 5]), voxels), plan);
    expect([...prepared.voxels]).toEqual([...voxels].map((v) => Math.min(Math.max(v, -160), 240)));
    expect(prepared.geometry).toEqual(grid([5, 4, 3], [2, 2, 5]));
  });

  test('clips before it averages: metal and air do not bleed', () => {
    // Four 1 mm voxels make one of 2 mm, widened by the triangle filter; 3000 HU must count as 240.
    const voxels = new Int16Array(64).fill(40);
    const metal = voxels.slice();
    metal[27] = 3000;
    const clipped = voxels.slice();
    clipped[27] = 240;
    const of = (v: Int16Array) => [
      ...prepareVolume(createVolume(grid([8, 8, 1], [1, 1, 5]), v), plan).voxels,
    ];
    expect(of(metal)).toEqual(of(clipped));
    expect(Math.max(...of(metal))).toBeLessThan(120);
  });

  test('shrinking averages: fine stripes become grey instead of moire', () => {
    const voxels = Int16Array.from({ length: 64 * 64 }, (_, i) => (i % 2 === 0 ? 0 : 200));
    const { voxels: out, geometry } = prepareVolume(
      createVolume(grid([64, 64, 1], [0.5, 0.5, 5]), voxels),
      plan,
    );
    expect(geometry.size).toEqual([16, 16, 1]);
    for (let x = 1; x < 15; x++) expect(Math.abs(out[8 * 16 + x]! - 100)).toBeLessThan(8);
  });

  test.each([
    ['coarser', [0.7, 0.7, 3]],
    ['finer', [3.1, 3.1, 3]],
  ] as const)('a ramp in the patient stays where it is on a %s grid, oblique and flipped', (_, spacing) => {
    const flipped: Mat3 = [
      -oblique[0],
      oblique[1],
      oblique[2],
      -oblique[3],
      oblique[4],
      oblique[5],
      -oblique[6],
      oblique[7],
      oblique[8],
    ];
    for (const direction of [identityDirection, oblique, flipped] as Mat3[]) {
      const source = grid([40, 36, 4], [...spacing], direction);
      const hu = (p: readonly [number, number, number]) =>
        0.6 * (p[0] + 31) + 0.9 * (p[1] - 17) + 0.4 * (p[2] - 120);
      const voxels = new Float32Array(40 * 36 * 4);
      for (let k = 0, i = 0; k < 4; k++)
        for (let y = 0; y < 36; y++)
          for (let x = 0; x < 40; x++) voxels[i++] = hu(indexToWorld(source, [x, y, k]));
      const prepared = prepareVolume(createVolume(source, voxels), plan);
      const [w, h] = prepared.geometry.size;
      for (const [x, y, k] of [
        [4, 5, 1],
        [w >> 1, h >> 1, 3],
        [w - 5, h - 6, 0],
      ] as const) {
        const found = prepared.voxels[(k * h + y) * w + x]!;
        expect(Math.abs(found - hu(indexToWorld(prepared.geometry, [x, y, k])))).toBeLessThan(0.51);
      }
    }
  });

  test('a sagittal scan with reversed axes comes out in LPS order, and its map leads back', () => {
    // Axis 0 runs to posterior, 1 to inferior, 2 to right.
    const direction: Mat3 = [0, 0, -1, 1, 0, 0, 0, -1, 0];
    const source: Geometry = { size: [4, 3, 5], spacing: [2, 4, 2], origin: [10, -20, 30], direction };
    const voxels = Int16Array.from({ length: 60 }, (_, i) => i);
    const prepared = prepareVolume(createVolume(source, voxels), plan);
    expect(prepared.geometry.size).toEqual([5, 4, 3]);
    expect(prepared.geometry.spacing).toEqual([2, 2, 4]);
    for (let i = 0; i < 60; i++) {
      const index = [i % 5, Math.floor(i / 5) % 4, Math.floor(i / 20)] as const;
      const at = worldToIndex(source, indexToWorld(prepared.geometry, index)).map(Math.round);
      expect(prepared.voxels[i]).toBe(voxels[at[0]! + 4 * (at[1]! + 3 * at[2]!)]);
    }
    const lps = createVolume(prepared.lpsGeometry, prepared.voxels);
    const back = reorientVolume(lps, invertAxisMap(prepared.axisMap));
    expect([...back.voxels]).toEqual([...voxels]);
    expect(geometriesAgree(back.geometry, source)).toBe(true);
    expect(axisMapToLps(back.geometry)).toEqual(prepared.axisMap);
  });

  test('refuses NaN and names the voxel', () => {
    const voxels = new Float32Array(24);
    voxels[13] = Number.NaN;
    expect(() => prepareVolume(createVolume(grid([4, 3, 2], [1, 1, 1]), voxels), plan)).toThrowError(
      /\(1, 0, 1\)/,
    );
  });

  test('stops at once when cancelled', () => {
    const volume = createVolume(grid([4, 3, 2], [1, 1, 1]), new Int16Array(24));
    const signal = AbortSignal.abort(new Error('stop'));
    expect(() => prepareVolume(volume, plan, { signal })).toThrow('stop');
  });
});

describe('prepareLabels', () => {
  const labelmap = (geometry: Geometry, voxels: ArrayLike<number>) =>
    createLabelmap(geometry, Uint8Array.from(voxels), liverLabels);

  test('lies on the grid of the prepared volume and copies an equal one', () => {
    const voxels = Array.from({ length: 60 }, (_, i) => i % 3);
    expect([...prepareLabels(labelmap(grid([5, 4, 3], [2, 2, 5]), voxels), plan)]).toEqual(voxels);
  });

  test('takes the label of the largest area, the lesion when two are equal', () => {
    // 4 x 2 voxels of 1 mm become 2 x 1 of 2 mm: [1 1 2 0 / 0 2 2 0] hold 2 liver, 1 lesion, 1 air and 2 lesion, 2 air.
    const out = prepareLabels(labelmap(grid([4, 2, 1], [1, 1, 5]), [1, 1, 2, 0, 0, 2, 2, 0]), plan);
    expect([...out]).toEqual([1, 2]);
  });

  test('keeps the area of a disc when the slice shrinks or grows', () => {
    for (const spacing of [0.7, 0.9, 2.7]) {
      const n = Math.round(120 / spacing);
      const geometry = grid([n, n, 1], [spacing, spacing, 5]);
      const centre = (n - 1) / 2;
      const voxels = Array.from({ length: n * n }, (_, i) =>
        Math.hypot((i % n) - centre, Math.floor(i / n) - centre) * spacing <= 40 ? 2 : 1,
      );
      const count = prepareLabels(labelmap(geometry, voxels), plan).filter((v) => v === 2).length;
      expect(count * 4).toBeGreaterThan(Math.PI * 1600 * 0.98);
      expect(count * 4).toBeLessThan(Math.PI * 1600 * 1.02);
    }
  });

  test('a lesion of 2 mm survives wherever it lies on the grid', () => {
    for (let shift = 0; shift < 6; shift++) {
      const voxels = new Array<number>(24 * 24).fill(1);
      for (let y = 9; y < 13; y++) for (let x = 8 + shift; x < 12 + shift; x++) voxels[y * 24 + x] = 2;
      // 4 voxels of 0.7 mm: 2.8 mm on a grid of 2 mm.
      const out = prepareLabels(labelmap(grid([24, 24, 1], [0.7, 0.7, 5]), voxels), plan);
      expect(out.filter((v) => v === 2).length).toBeGreaterThan(0);
    }
  });
});

describe('slice stack', () => {
  const stack = { contextSlices: 1, contextSpacingMm: 3, meanHU: 10, sdHU: 20 };
  const of = (spacing: number, k: number, contextSlices = 1) =>
    contextSliceIndices({ size: [1, 1, 10], spacing: [1, 1, spacing] }, k, { ...stack, contextSlices });

  test('takes the slices nearest to the wanted distance, at least one away, and repeats the ends', () => {
    expect(of(1, 5)).toEqual([2, 5, 8]);
    expect(of(1.25, 5)).toEqual([3, 5, 7]);
    expect(of(5, 5)).toEqual([4, 5, 6]);
    expect(of(40, 5)).toEqual([4, 5, 6]);
    expect(of(1, 0)).toEqual([0, 0, 3]);
    expect(of(1, 9, 2)).toEqual([3, 6, 9, 9, 9]);
    expect(of(5, 3, 0)).toEqual([3]);
  });

  test('writes normalised channels from inferior to superior', () => {
    const prepared = { geometry: grid([2, 1, 3], [2, 2, 3]), voxels: Int16Array.of(10, 30, 50, 70, 90, 110) };
    const out = new Float32Array(8).fill(-7);
    writeSliceChannels(prepared, 1, stack, out, 1);
    expect([...out]).toEqual([-7, 0, 1, 2, 3, 4, 5, -7]);
  });
});
