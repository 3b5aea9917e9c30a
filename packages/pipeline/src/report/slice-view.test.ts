import { type Geometry, indexToWorld, type Mat3 } from '@glisson/imaging/geometry/geometry';
import { describe, expect, test } from 'vitest';
import { sliceIndex } from '../measure/slice-number.ts';
import { createSliceView, slicePositionMm } from './slice-view.ts';

const grid = (direction: Mat3): Geometry => ({
  size: [3, 2, 4],
  spacing: [1, 2, 3],
  origin: [0, 0, 0],
  direction,
});

/** Columns name where the axes point: L(+x) P(+y) S(+z), or R A I against them. */
function pointing(letters: string): Mat3 {
  const unit: Record<string, number[]> = {
    L: [1, 0, 0],
    R: [-1, 0, 0],
    P: [0, 1, 0],
    A: [0, -1, 0],
    S: [0, 0, 1],
    I: [0, 0, -1],
  };
  const [a, b, c] = [...letters].map((letter) => unit[letter]!);
  return [a![0], b![0], c![0], a![1], b![1], c![1], a![2], b![2], c![2]] as unknown as Mat3;
}

describe('radiological view', () => {
  test.each([
    ['LPS', 'axial', 'R L A P'],
    ['RAI', 'axial', 'R L A P'],
    ['PLS', 'axial', 'R L A P'],
    ['LSP', 'coronal', 'R L H F'],
    ['RIA', 'coronal', 'R L H F'],
    ['PSL', 'sagittal', 'A P H F'],
    ['IAR', 'sagittal', 'A P H F'],
  ])(
    'axes %s: %s with sides %s; each pixel lands where its place in the patient says',
    (axes, plane, sides) => {
      const geometry = grid(pointing(axes));
      const view = createSliceView(geometry);
      expect(view.plane).toBe(plane);
      const { left, right, top, bottom } = view.sides;
      expect([left, right, top, bottom].join(' ')).toBe(sides);

      const source = Uint8Array.from({ length: 6 }, (_, i) => i);
      const turned = view.turn(source);
      const places: { x: number; y: number; world: readonly number[] }[] = [];
      for (let j = 0; j < 2; j++) {
        for (let i = 0; i < 3; i++) {
          const [x, y] = view.toView([i, j]);
          expect(turned[y * view.width + x]).toBe(i + 3 * j);
          places.push({ x, y, world: indexToWorld(geometry, [i, j, 1]) });
        }
      }
      // Across: to the left of the patient (or posterior); down: to posterior, or to the feet.
      const across = plane === 'sagittal' ? 1 : 0;
      const down = plane === 'axial' ? 1 : 2;
      const sign = plane === 'axial' ? 1 : -1;
      for (const p of places) {
        for (const q of places) {
          if (p.x < q.x) expect(p.world[across]).toBeLessThan(q.world[across]!);
          if (p.y < q.y) expect(sign * p.world[down]!).toBeLessThan(sign * q.world[down]!);
        }
      }
      const columns = places.filter((p) => p.y === 0).sort((p, q) => p.x - q.x);
      expect(columns[1]!.world[across]! - columns[0]!.world[across]!).toBeCloseTo(view.pixelMm[0], 12);
      expect(slicePositionMm(geometry, sliceIndex(geometry, 2))).toBeGreaterThan(
        slicePositionMm(geometry, sliceIndex(geometry, 1)),
      );
    },
  );
});

test('on a grid turned about two axes, the words name the axis that slices are numbered along', () => {
  // The normal is nearest to left, and yet the axis across is the left-right one: it is nearer still.
  const normal = [0.6, 0.57, Math.sqrt(1 - 0.6 ** 2 - 0.57 ** 2)] as const;
  const down = [0, normal[2] / 0.8, -normal[1] / 0.8] as const;
  const across = [0.8, -(normal[0] * normal[1]) / 0.8, -(normal[0] * normal[2]) / 0.8] as const;
  const geometry = grid(
    [0, 1, 2].flatMap((row) => [across[row]!, down[row]!, normal[row]!]) as unknown as Mat3,
  );
  expect(createSliceView(geometry).numbering).toEqual(['right', 'left']);
  expect(slicePositionMm(geometry, 2)).toBeCloseTo(2 * 3 * 0.6);
});
