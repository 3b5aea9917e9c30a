import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assertGeometry,
  determinant,
  type Geometry,
  geometriesAgree,
  identityDirection,
  indexToWorld,
  type Mat3,
  worldToIndex,
} from './geometry.ts';

const grid: Geometry = {
  size: [4, 5, 6],
  spacing: [0.7, 0.8, 2.5],
  origin: [-10, 20, 30],
  direction: identityDirection,
};

/** A rotation about a random axis (Rodrigues), mirrored for half of the seeds. */
const directions = fc
  .tuple(
    fc.double({ min: -1, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 6.28, noNaN: true }),
    fc.double({ min: 0, max: 6.28, noNaN: true }),
    fc.boolean(),
  )
  .map(([z, phi, angle, mirror]): Mat3 => {
    const r = Math.sqrt(1 - z * z);
    const [x, y] = [r * Math.cos(phi), r * Math.sin(phi)];
    const [c, s, t] = [Math.cos(angle), Math.sin(angle), 1 - Math.cos(angle)];
    const m = mirror ? -1 : 1;
    return [
      (t * x * x + c) * m,
      t * x * y - s * z,
      t * x * z + s * y,
      (t * x * y + s * z) * m,
      t * y * y + c,
      t * y * z - s * x,
      (t * x * z - s * y) * m,
      t * y * z + s * x,
      t * z * z + c,
    ];
  });

describe('geometry', () => {
  test('index to world by hand', () => {
    expect(indexToWorld(grid, [1, 2, 3])).toEqual([-9.3, 21.6, 37.5]);
    const rotated: Geometry = { ...grid, direction: [0, 1, 0, 1, 0, 0, 0, 0, -1] };
    expect(indexToWorld(rotated, [1, 2, 3])).toEqual([-8.4, 20.7, 22.5]);
  });

  test('world to index undoes index to world on oblique and left-handed grids', () => {
    fc.assert(
      fc.property(
        directions,
        fc.tuple(
          fc.integer({ min: -5, max: 500 }),
          fc.integer({ min: -5, max: 500 }),
          fc.integer({ min: -5, max: 500 }),
        ),
        (direction, index) => {
          const geometry = { ...grid, direction };
          assertGeometry(geometry);
          const back = worldToIndex(geometry, indexToWorld(geometry, index));
          for (let axis = 0; axis < 3; axis++) expect(back[axis]).toBeCloseTo(index[axis]!, 8);
          expect(Math.abs(determinant(direction))).toBeCloseTo(1, 8);
        },
      ),
    );
  });

  test('the inverse is exact for axes that are not quite at right angles, as rounded files have them', () => {
    const geometry: Geometry = {
      ...grid,
      size: [512, 512, 300],
      direction: [1, 0.0008, 0, 0, 1, 0, 0, 0, 1],
    };
    assertGeometry(geometry);
    const back = worldToIndex(geometry, indexToWorld(geometry, [511, 511, 299]));
    for (const [axis, index] of [511, 511, 299].entries()) expect(back[axis]).toBeCloseTo(index, 6);
  });

  test.each([
    ['size', { ...grid, size: [4, 5, 0] as const }],
    ['spacing', { ...grid, spacing: [1, Number.NaN, 1] as const }],
    ['origin', { ...grid, origin: [0, 0, Number.POSITIVE_INFINITY] as const }],
    ['direction', { ...grid, direction: [1, 0.1, 0, 0, 1, 0, 0, 0, 1] as const }],
  ])('refuses a broken %s', (_name, geometry) => {
    expect(() => assertGeometry(geometry, 'x.nii')).toThrow(/x\.nii/);
  });

  test('agreement is judged at the far corners, where small errors of spacing or angle add up', () => {
    expect(geometriesAgree(grid, { ...grid, spacing: [0.70001, 0.8, 2.5] })).toBe(true);
    expect(geometriesAgree(grid, { ...grid, spacing: [0.75, 0.8, 2.5] })).toBe(false);
    expect(geometriesAgree(grid, { ...grid, direction: [-1, 0, 0, 0, 1, 0, 0, 0, 1] })).toBe(false);
    expect(geometriesAgree(grid, { ...grid, size: [4, 5, 7] })).toBe(false);
  });
});
