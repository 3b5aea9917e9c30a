import { type Geometry, identityDirection } from '@glisson/imaging/geometry/geometry';
import { describe, expect, test } from 'vitest';
import { preparedGeometry } from '../preprocess/prepared-grid.ts';
import { createInPlaneMap, interpolateSlice } from './in-plane-map.ts';

const oblique: Geometry = {
  size: [40, 30, 3],
  spacing: [0.7, 0.9, 5],
  origin: [-123.4, 56.7, 8.9],
  direction: [0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1],
};

describe('in-plane map', () => {
  test('equal grids map exactly, oblique ones too', () => {
    const map = createInPlaneMap(oblique, oblique);
    const slice = Float32Array.from({ length: 1200 }, (_, i) => Math.sin(i));
    const out = new Float32Array(1200);
    interpolateSlice(slice, 40, map, out);
    expect(out).toEqual(slice);
  });

  test('a linear ramp is kept when going to the finer grid, away from the rim', () => {
    const coarse = preparedGeometry(oblique, { spacingMm: [1.5, 1.5] });
    const map = createInPlaneMap(coarse, oblique);
    const ramp = (x: number, y: number) => 3 * x + 5 * y;
    const centre = (g: Geometry, axis: 0 | 1, n: number) => (n - (g.size[axis] - 1) / 2) * g.spacing[axis];
    const slice = new Float32Array(coarse.size[0] * coarse.size[1]);
    for (let y = 0; y < coarse.size[1]; y++) {
      for (let x = 0; x < coarse.size[0]; x++) {
        slice[y * coarse.size[0] + x] = ramp(centre(coarse, 0, x), centre(coarse, 1, y));
      }
    }
    const out = new Float32Array(1200);
    interpolateSlice(slice, coarse.size[0], map, out);
    for (let y = 2; y < 28; y++) {
      for (let x = 2; x < 38; x++) {
        expect(out[y * 40 + x]).toBeCloseTo(ramp(centre(oblique, 0, x), centre(oblique, 1, y)), 3);
      }
    }
  });

  test('beyond the outermost centres the edge value holds', () => {
    const fine: Geometry = {
      size: [4, 1, 1],
      spacing: [1, 1, 1],
      origin: [0, 0, 0],
      direction: identityDirection,
    };
    const coarse: Geometry = { ...fine, size: [2, 1, 1], spacing: [2, 1, 1], origin: [0.5, 0, 0] };
    const out = new Float32Array(4);
    interpolateSlice(Float32Array.of(10, 20), 2, createInPlaneMap(coarse, fine), out);
    expect([...out]).toEqual([10, 12.5, 17.5, 20]);
  });
});
