import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Geometry, indexToWorld, type Mat3, type Vec3 } from '../geometry/geometry.ts';
import { createLabelmap, liverLabels } from '../volume/labelmap.ts';
import { createVolume } from '../volume/volume.ts';
import {
  type AxisMap,
  axisMapToLps,
  identityAxisMap,
  invertAxisMap,
  reorientGeometry,
  reorientLabelmap,
  reorientVolume,
  reorientVoxels,
} from './reorient.ts';

const perms = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

const anyMap: fc.Arbitrary<AxisMap> = fc.record({
  perm: fc.constantFrom(...perms),
  flip: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
});
const side = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 30, max: 40 }));
const angle = fc.double({ min: -3, max: 3, noNaN: true });

function rotation(a: number, b: number): Mat3 {
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  return [cb, -sb * ca, sb * sa, sb, cb * ca, -cb * sa, 0, sa, ca];
}

describe('reorienting', () => {
  test('there and back is the identity, and every voxel keeps its place in the patient', () => {
    fc.assert(
      fc.property(anyMap, fc.tuple(side, side, side), angle, angle, (map, size, a, b) => {
        const geometry: Geometry = {
          size,
          spacing: [0.7, 1.3, 2.9],
          origin: [-3, 50, 8],
          direction: rotation(a, b),
        };
        const count = size[0] * size[1] * size[2];
        const voxels = Float32Array.from({ length: count }, (_, i) => i);
        const there = reorientVolume(createVolume(geometry, voxels), map);
        const back = reorientVolume(there, invertAxisMap(map));
        expect(Buffer.compare(Buffer.from(back.voxels.buffer), Buffer.from(voxels.buffer))).toBe(0);
        expect(back.geometry.size).toEqual(size);
        const [w, h] = there.geometry.size;
        for (let at = 0; at < count; at += 1 + Math.floor(count / 50)) {
          const source = there.voxels[at]!;
          const p = indexToWorld(there.geometry, [at % w, Math.floor(at / w) % h, Math.floor(at / (w * h))]);
          const q = indexToWorld(geometry, [
            source % size[0],
            Math.floor(source / size[0]) % size[1],
            Math.floor(source / (size[0] * size[1])),
          ]);
          for (let axis = 0; axis < 3; axis++) expect(p[axis]).toBeCloseTo(q[axis]!, 8);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('hand-computed: columns become rows, reversed', () => {
    // 0 1 2 / 3 4 5 read along y from the bottom.
    const turned = reorientVoxels(Int16Array.of(0, 1, 2, 3, 4, 5), [3, 2, 1], {
      perm: [1, 0, 2],
      flip: [true, false, false],
    });
    expect([...turned]).toEqual([3, 0, 4, 1, 5, 2]);
  });

  test('the identity neither copies nor moves', () => {
    const geometry: Geometry = {
      size: [2, 1, 1],
      spacing: [1, 1, 1],
      origin: [0, 0, 0],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    };
    const labelmap = createLabelmap(geometry, Uint8Array.of(1, 2), liverLabels);
    expect(reorientLabelmap(labelmap, identityAxisMap)).toBe(labelmap);
    const flipped = reorientLabelmap(labelmap, { perm: [0, 1, 2], flip: [true, false, false] });
    expect([...flipped.voxels]).toEqual([2, 1]);
    expect(flipped.geometry.origin).toEqual([1, 0, 0]);
    expect(flipped.labels).toBe(liverLabels);
  });
});

describe('axisMapToLps', () => {
  const withDirection = (direction: Mat3): Geometry => ({
    size: [4, 5, 6],
    spacing: [1, 2, 3],
    origin: [0, 0, 0],
    direction,
  });

  test('RAS (NIfTI) flips x and y; a sagittal and a coronal stack are turned', () => {
    expect(axisMapToLps(withDirection([-1, 0, 0, 0, -1, 0, 0, 0, 1]))).toEqual({
      perm: [0, 1, 2],
      flip: [true, true, false],
    });
    // Sagittal: x runs posterior, y inferior, slices to the left.
    expect(axisMapToLps(withDirection([0, 0, 1, 1, 0, 0, 0, -1, 0]))).toEqual({
      perm: [2, 0, 1],
      flip: [false, false, true],
    });
    // Coronal: x left, y inferior, slices to posterior.
    expect(axisMapToLps(withDirection([1, 0, 0, 0, 0, 1, 0, -1, 0]))).toEqual({
      perm: [0, 2, 1],
      flip: [false, false, true],
    });
  });

  test('after the map, the axes lie nearest to left, posterior, superior, whatever the direction', () => {
    fc.assert(
      fc.property(angle, angle, fc.boolean(), anyMap, (a, b, mirrored, turn) => {
        const d = rotation(a, b);
        const direction = (mirrored ? d.map((v, i) => (i % 3 === 0 ? -v : v)) : d) as unknown as Mat3;
        const geometry = reorientGeometry(withDirection(direction), turn);
        const map = axisMapToLps(geometry);
        expect([...map.perm].sort()).toEqual([0, 1, 2]);
        const after = reorientGeometry(geometry, map).direction;
        const trace = after[0] + after[4] + after[8];
        for (const diagonal of [after[0], after[4], after[8]]) expect(diagonal).toBeGreaterThanOrEqual(0);
        // No other assignment of axes does better.
        for (const perm of perms) {
          const sum = perm.reduce<number>(
            (s, axis, row) => s + Math.abs(geometry.direction[3 * row + axis]!),
            0,
          );
          expect(sum).toBeLessThanOrEqual(trace + 1e-6);
        }
      }),
    );
  });

  test('a plane exactly between two axes still gets a permutation', () => {
    const h = Math.SQRT1_2;
    expect(axisMapToLps(withDirection([h, -h, 0, h, h, 0, 0, 0, 1]))).toEqual(identityAxisMap);
  });

  test('inverting twice gives the map itself', () => {
    fc.assert(
      fc.property(anyMap, (map) => {
        expect(invertAxisMap(invertAxisMap(map))).toEqual(map);
      }),
    );
  });
});

test('positions survive a size-one axis', () => {
  const geometry: Geometry = {
    size: [1, 3, 1],
    spacing: [1, 2, 3],
    origin: [5, 6, 7],
    direction: [0, 1, 0, 1, 0, 0, 0, 0, -1],
  };
  const there = reorientGeometry(geometry, axisMapToLps(geometry));
  expect(there.size).toEqual([3, 1, 1]);
  const first: Vec3 = indexToWorld(there, [0, 0, 0]);
  expect(first).toEqual([5, 6, 7]);
});
