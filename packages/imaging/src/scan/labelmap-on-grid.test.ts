import { expect, test } from 'vitest';
import { type Geometry, indexToWorld, type Vec3, worldToIndex } from '../geometry/geometry.ts';
import { liverLabels } from '../volume/labelmap.ts';
import { labelmapOnGrid } from './labelmap-on-grid.ts';

const target: Geometry = {
  size: [4, 3, 2],
  spacing: [0.5, 0.75, 2.5],
  origin: [10, -20, 30],
  direction: [1, 0, 0, 0, 0.96, -0.28, 0, 0.28, 0.96],
};

/** The same grid as `target` with axes swapped by hand: x <- z reversed, y <- x, z <- y reversed. */
const other: Geometry = {
  size: [2, 4, 3],
  spacing: [2.5, 0.5, 0.75],
  origin: indexToWorld(target, [0, 2, 1]),
  direction: [0, 1, 0, 0.28, 0, -0.96, -0.96, 0, -0.28],
};

test('labels stored in another order come onto the grid, each voxel at its place', () => {
  const voxels = Uint8Array.from({ length: 24 }, (_, i) => i);
  const { geometry, voxels: moved } = labelmapOnGrid(
    { geometry: other, voxels, labels: liverLabels },
    target,
    ['a', 'b'],
  );
  expect(geometry.size).toEqual(target.size);
  for (let k = 0; k < 2; k++) {
    for (let j = 0; j < 3; j++) {
      for (let i = 0; i < 4; i++) {
        const at = worldToIndex(other, indexToWorld(target, [i, j, k])).map(Math.round) as unknown as Vec3;
        expect(moved[i + 4 * (j + 3 * k)]).toBe(voxels[at[0] + 2 * (at[1] + 4 * at[2])]);
      }
    }
  }
});

test('labels in order are not copied', () => {
  const labelmap = { geometry: target, voxels: new Uint8Array(24), labels: liverLabels };
  expect(labelmapOnGrid(labelmap, target, ['a', 'b'])).toBe(labelmap);
});

test('labels elsewhere are refused, both grids named', () => {
  const shifted = { ...other, origin: [10, -20, 31] as const };
  const labelmap = { geometry: shifted, voxels: new Uint8Array(24), labels: liverLabels };
  expect(() => labelmapOnGrid(labelmap, target, ['the scan', 'the labels'])).toThrow(
    expect.objectContaining({
      code: 'geometry-mismatch',
      message: expect.stringMatching(/the scan.*the labels/),
    }),
  );
});
