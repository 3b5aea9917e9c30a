import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Vec3 } from '../geometry/geometry.ts';
import { createRandom } from '../random/seeded-random.ts';
import { ellipsoid, ellipsoidDistance, smoothUnion, trunkDistance } from './implicit-shapes.ts';
import { createSmoothNoise } from './lattice-noise.ts';
import { createLayerGrid, paintNodes } from './paint-layers.ts';
import { chain, packTubes, rasteriseTubes, smoothChain } from './tubes.ts';

describe('implicit shapes', () => {
  test('a ball is exact; an ellipsoid is zero on its surface, negative inside', () => {
    const ball = ellipsoid([1, 2, 3], [5, 5, 5]);
    expect(ellipsoidDistance(ball, 1, 2, 11)).toBeCloseTo(3, 12);
    expect(ellipsoidDistance(ball, 1, 4, 3)).toBeCloseTo(-3, 12);
    const turned = ellipsoid([0, 0, 0], [10, 4, 6], 90);
    expect(ellipsoidDistance(turned, 0, 10, 0)).toBeCloseTo(0, 12);
    expect(ellipsoidDistance(turned, 4, 0, 0)).toBeCloseTo(0, 12);
    expect(ellipsoidDistance(turned, 5, 0, 0)).toBeGreaterThan(0.5);
    expect(ellipsoidDistance(turned, 0, 0, 0)).toBe(-4);
    expect(trunkDistance(120, 0, 120, 80)).toBeCloseTo(0, 12);
    expect(trunkDistance(0, -80, 120, 80)).toBeCloseTo(0, 12);
  });

  test('a smooth union is never above either part, and is the nearer one far from the seam', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 50, noNaN: true }),
        fc.double({ min: -50, max: 50, noNaN: true }),
        (a, b) => {
          const u = smoothUnion(a, b, 8);
          expect(u).toBeLessThanOrEqual(Math.min(a, b));
          expect(u).toBeGreaterThanOrEqual(Math.min(a, b) - 2);
          if (Math.abs(a - b) > 8) expect(u).toBe(Math.min(a, b));
        },
      ),
    );
  });
});

test('smooth noise is bounded, continuous across lattice cells, and periodic only after 32 cells', () => {
  const noise = createSmoothNoise(createRandom(1, 'n'));
  let most = 0;
  for (let i = 0; i < 4000; i++) {
    const x = i * 0.037 - 60;
    const value = noise(x, 0.4 * x, 7.3 - x);
    most = Math.max(most, Math.abs(value));
    expect(Math.abs(noise(x + 1e-6, 0.4 * x, 7.3 - x) - value)).toBeLessThan(1e-5);
  }
  expect(most).toBeGreaterThan(0.4);
  expect(most).toBeLessThanOrEqual(1);
  expect(noise(0.5, 0.5, 0.5)).not.toBe(noise(16.5, 0.5, 0.5));
  expect(noise(0.5, 0.5, 0.5)).toBe(noise(32.5, 0.5, 0.5));
});

describe('tubes', () => {
  test('the raster holds the distance to the nearest rounded cone, moved planes included', () => {
    const points: Vec3[] = [
      [10, 10, 0],
      [30, 14, 6],
      [38, 30, 2],
    ];
    const tubes = packTubes(chain(points, [4, 2, 3]), (p) => p);
    for (const [u, v] of [
      [0, 0],
      [5, -3],
    ] as const) {
      const plane = { u, v, columns: 60, rows: 50, stepX: 0.8, stepY: 0.9 };
      const out = new Float32Array(60 * 50).fill(99);
      const range = rasteriseTubes(tubes, plane, 1, 2, out);
      for (let j = 0; j < 50; j++) {
        for (let i = 0; i < 60; i++) {
          const p: Vec3 = [u + i * 0.8, v + j * 0.9, 1];
          let least = Number.POSITIVE_INFINITY;
          // Dense balls along the axis: an independent, slower way to the same distance.
          for (let s = 0; s <= 2000; s++) {
            const piece = s < 1000 ? 0 : 1;
            const t = (s - piece * 1000) / 1000;
            const [a, b] = [points[piece]!, points[piece + 1]!];
            const radii = [4, 2, 3];
            const r = radii[piece]! + t * (radii[piece + 1]! - radii[piece]!);
            const q = [0, 1, 2].map((k) => a[k]! + t * (b[k]! - a[k]!) - p[k]!);
            least = Math.min(least, Math.sqrt(q[0]! * q[0]! + q[1]! * q[1]! + q[2]! * q[2]!) - r);
          }
          const found = out[j * 60 + i]!;
          // The raster projects at right angles, so a cone of slope 0.1 may read up to 1 % farther.
          if (found < 1.5) expect(Math.abs(found - least)).toBeLessThan(0.12);
          if (least < 1.5) {
            expect(found).toBeLessThan(1.8);
            expect(i >= range.i0 && i <= range.i1 && j >= range.j0 && j <= range.j1).toBe(true);
          }
        }
      }
    }
  });

  test('a smooth chain passes through its points', () => {
    const points: Vec3[] = [
      [0, 0, 0],
      [10, 5, 2],
      [20, -5, 4],
    ];
    const pieces = smoothChain(points, [1, 2, 3], 4);
    expect(pieces).toHaveLength(8);
    expect(pieces[4]!.from).toEqual(points[1]);
    expect(pieces[4]!.fromRadius).toBe(2);
    expect(pieces[7]!.to).toEqual(points[2]);
  });
});

describe('paintNodes', () => {
  test.each([1, 2, 3, 4, 5])('a disc covers its own area, whatever the stride (%s)', (stride) => {
    for (const [columns, rows] of [
      [64, 64],
      [61, 47],
    ] as const) {
      const grid = createLayerGrid(columns, rows, stride);
      const distance = new Float32Array(grid.nodeColumns * grid.nodeRows);
      for (let b = 0, n = 0; b < grid.nodeRows; b++) {
        for (let a = 0; a < grid.nodeColumns; a++, n++) {
          distance[n] = Math.hypot(a * stride - 30.3, b * stride - 22.6) - 15;
        }
      }
      const hu = new Float32Array(columns * rows).fill(-1000);
      const share = new Float32Array(columns * rows);
      paintNodes(grid, distance, 1.2, 0, new Float32Array(columns * rows), 0, hu, share);
      const area = share.reduce((x, y) => x + y);
      expect(Math.abs(area / (Math.PI * 225) - 1)).toBeLessThan(stride > 3 ? 0.04 : 0.02);
      for (let i = 0; i < hu.length; i++) expect(hu[i]).toBeCloseTo(-1000 + 1000 * share[i]!, 2);
    }
  });

  test('skips what will be hidden, and nothing else', () => {
    const grid = createLayerGrid(40, 40, 4);
    const everywhere = new Float32Array(grid.nodeColumns * grid.nodeRows).fill(-50);
    const hidden = everywhere.map((_, n) => (n % grid.nodeColumns < 5 ? -50 : 50));
    const hu = new Float32Array(1600).fill(-1000);
    paintNodes(grid, everywhere, 1, 40, new Float32Array(1600), 0, hu, undefined, hidden);
    expect(hu[0]).toBe(-1000);
    expect(hu[15]).toBe(-1000);
    expect(hu[16]).toBe(40);
    expect(hu[1599]).toBe(40);
  });
});
