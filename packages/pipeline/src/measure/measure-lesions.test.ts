import { type Geometry, identityDirection, indexToWorld } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { describe, expect, test } from 'vitest';
import { measureLesions } from './measure-lesions.ts';
import { sliceIndex, sliceNumber } from './slice-number.ts';

const geometry: Geometry = {
  size: [10, 8, 6],
  spacing: [0.5, 2, 4],
  origin: [100, -20, 7],
  direction: identityDirection,
};

const at = (i: number, j: number, k: number) => i + 10 * (j + 8 * k);

function example(grid: Geometry) {
  const labels = new Uint8Array(480);
  const hu = new Int16Array(480).fill(110);
  for (let k = 1; k <= 4; k++)
    for (let j = 1; j <= 6; j++) for (let i = 1; i <= 8; i++) labels[at(i, j, k)] = 1;
  // Two voxels that touch at a corner only: one lesion. A single voxel apart from them: another.
  for (const [i, j, k, value] of [
    [3, 3, 2, 40],
    [4, 4, 3, 60],
    [7, 5, 4, 10],
  ] as const) {
    labels[at(i, j, k)] = 2;
    hu[at(i, j, k)] = value;
  }
  return { volume: createVolume(grid, hu), labelmap: createLabelmap(grid, labels, liverLabels) };
}

describe('measures of lesions, by hand', () => {
  test('volumes, diameters, HU, centroids, slices and confidence', () => {
    const { volume, labelmap } = example(geometry);
    const measures = measureLesions(volume, labelmap, (_i, _j, k) => k / 10);
    expect(measures.liverMl).toBeCloseTo((192 * 4) / 1000, 12);
    expect(measures.lesionMl).toBeCloseTo((3 * 4) / 1000, 12);
    expect(measures.tumourBurden).toBeCloseTo(3 / 192, 12);
    expect(measures.lesions).toHaveLength(2);
    const [first, second] = measures.lesions;
    expect(first).toMatchObject({ id: 1, voxels: 2, meanHU: 50, sdHU: 10, slices: [3, 4], confidence: 0.25 });
    expect(first!.longestDiameterMm).toBeCloseTo(Math.hypot(0.5, 2), 12);
    expect(first!.diameter.slice).toBe(3);
    expect(first!.centroidLps).toEqual(indexToWorld(geometry, [3.5, 3.5, 2.5]));
    expect(second).toMatchObject({ id: 2, voxels: 1, meanHU: 10, sdHU: 0, slices: [5, 5] });
  });

  test('slices count from the lowest, whatever the order of storage', () => {
    const upsideDown: Geometry = { ...geometry, direction: [1, 0, 0, 0, -1, 0, 0, 0, -1] };
    const { volume, labelmap } = example(upsideDown);
    expect(measureLesions(volume, labelmap).lesions.map((lesion) => lesion.slices)).toEqual([
      [3, 4],
      [2, 2],
    ]);
    expect(sliceNumber(upsideDown, 0)).toBe(6);
    expect(sliceIndex(upsideDown, 6)).toBe(0);
    expect(sliceNumber(geometry, 0)).toBe(1);
    const sagittalToRight: Geometry = { ...geometry, direction: [0, 0, -1, 1, 0, 0, 0, -1, 0] };
    expect(sliceNumber(sagittalToRight, 0)).toBe(6);
  });

  test('nothing found is nothing measured', () => {
    const { volume, labelmap } = example(geometry);
    labelmap.voxels.fill(0);
    expect(measureLesions(volume, labelmap)).toEqual({
      liverMl: 0,
      lesionMl: 0,
      tumourBurden: 0,
      lesions: [],
    });
  });
});
