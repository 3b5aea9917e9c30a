import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Geometry, indexToWorld, type Vec3, worldToIndex } from '../geometry/geometry.ts';
import { createLabelmap, liverLabels } from '../volume/labelmap.ts';
import { createVolume } from '../volume/volume.ts';
import { cropLabelmap, cropVolume, pasteVoxels } from './crop.ts';
import { boundingBox, growBox } from './index-box.ts';
import { padLabelmap, padVolume } from './pad.ts';

const oblique = (size: Vec3): Geometry => ({
  size,
  spacing: [0.7, 1.5, 3],
  origin: [10, -20, 30],
  direction: [0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, -1],
});

const counting = (size: Vec3) =>
  createVolume(
    oblique(size),
    Int16Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => i),
  );

const size = fc.integer({ min: 1, max: 6 });
const margin = fc.integer({ min: 0, max: 3 });

describe('crop and pad', () => {
  test('padding, then cropping to the old grid, gives the old volume; voxels keep their places', () => {
    fc.assert(
      fc.property(
        fc.tuple(size, size, size),
        fc.tuple(margin, margin, margin),
        fc.tuple(margin, margin, margin),
        (n, before, after) => {
          const volume = counting(n);
          const padded = padVolume(volume, { before, after }, -7);
          const end: Vec3 = [before[0] + n[0], before[1] + n[1], before[2] + n[2]];
          const back = cropVolume(padded, { start: before, end });
          expect(back.voxels).toEqual(volume.voxels);
          expect(back.geometry.size).toEqual(n);
          back.geometry.origin.forEach((v, axis) => {
            expect(v).toBeCloseTo(volume.geometry.origin[axis]!, 9);
          });
          const filler = padded.voxels.filter((v) => v === -7).length;
          expect(filler).toBe(padded.voxels.length - volume.voxels.length);
          const place = indexToWorld(padded.geometry, before);
          worldToIndex(volume.geometry, place).forEach((v) => {
            expect(v).toBeCloseTo(0, 9);
          });
        },
      ),
    );
  });

  test('hand-computed crop, and pasting it back', () => {
    const volume = counting([4, 3, 2]);
    const box = { start: [1, 1, 0], end: [3, 2, 2] } as const;
    const part = cropVolume(volume, box);
    expect([...part.voxels]).toEqual([5, 6, 17, 18]);
    expect(part.geometry.origin).toEqual(indexToWorld(volume.geometry, [1, 1, 0]));
    const target = new Int16Array(24);
    pasteVoxels(target, [4, 3, 2], box, part.voxels as Int16Array);
    expect([...target.keys()].filter((i) => target[i] !== 0)).toEqual([5, 6, 17, 18]);
  });

  test('labels keep their table', () => {
    const labelmap = createLabelmap(oblique([2, 1, 1]), Uint8Array.of(1, 2), liverLabels);
    const padded = padLabelmap(labelmap, { before: [1, 0, 0], after: [0, 0, 1] });
    expect([...padded.voxels]).toEqual([0, 1, 2, 0, 0, 0]);
    const cropped = cropLabelmap(padded, { start: [1, 0, 0], end: [3, 1, 1] });
    expect(cropped.voxels).toEqual(labelmap.voxels);
    expect(cropped.labels).toBe(liverLabels);
  });

  test('boxes beyond the grid, empty ones and negative padding are refused', () => {
    const volume = counting([4, 3, 2]);
    for (const [start, end] of [
      [
        [0, 0, 0],
        [5, 3, 2],
      ],
      [
        [-1, 0, 0],
        [2, 2, 2],
      ],
      [
        [2, 0, 0],
        [2, 2, 2],
      ],
      [
        [0.5, 0, 0],
        [2, 2, 2],
      ],
    ] as const)
      expect(() => cropVolume(volume, { start, end })).toThrow(/does not lie on the grid/);
    expect(() => padVolume(volume, { before: [-1, 0, 0], after: [0, 0, 0] }, 0)).toThrow(/whole numbers/);
  });
});

describe('boundingBox', () => {
  test('is tight, and grows in mm, held within the grid', () => {
    const mask = new Uint8Array(10 * 8 * 6);
    const at = (x: number, y: number, z: number) => x + 10 * (y + 8 * z);
    for (const i of [at(4, 3, 2), at(6, 3, 2), at(5, 5, 3)]) mask[i] = 9;
    const box = boundingBox(mask, [10, 8, 6])!;
    expect(box).toEqual({ start: [4, 3, 2], end: [7, 6, 4] });
    // 3 mm is 4.3 voxels of 0.7 mm, two of 1.5 mm, one of 3 mm.
    expect(growBox(box, oblique([10, 8, 6]), 3)).toEqual({ start: [0, 1, 1], end: [10, 8, 5] });
    expect(boundingBox(new Uint8Array(8), [2, 2, 2])).toBeUndefined();
  });
});
