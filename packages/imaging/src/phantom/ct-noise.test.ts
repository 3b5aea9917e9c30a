import { describe, expect, test } from 'vitest';
import { createRandom } from '../random/seeded-random.ts';
import { createCtNoise } from './ct-noise.ts';

const [columns, rows] = [160, 120];

function slices(pixelMm: number, count: number): Float32Array[] {
  const noise = createCtNoise(createRandom(1, 'noise'), columns, rows, pixelMm);
  return Array.from({ length: count }, () => {
    const plane = new Float32Array(columns * rows);
    noise.fill(plane);
    return plane;
  });
}

/** Mean product of values `lag` columns and `down` rows apart. */
function covariance(plane: Float32Array, lag: number, down: number): number {
  let sum = 0;
  let n = 0;
  for (let j = 0; j + down < rows; j++) {
    for (let i = 0; i + lag < columns; i++, n++) {
      sum += plane[j * columns + i]! * plane[(j + down) * columns + i + lag]!;
    }
  }
  return sum / n;
}

describe('createCtNoise', () => {
  test.each([0.6, 0.9, 1.5])('has unit sd, no mean, and is normal in shape at %s mm', (pixelMm) => {
    let squares = 0;
    let fourth = 0;
    let sum = 0;
    let n = 0;
    for (const plane of slices(pixelMm, 4)) {
      for (const value of plane) {
        sum += value;
        squares += value * value;
        fourth += value ** 4;
        n++;
      }
    }
    expect(Math.abs(sum / n)).toBeLessThan(0.03);
    expect(Math.abs(Math.sqrt(squares / n) - 1)).toBeLessThan(0.03);
    expect(Math.abs(fourth / n / (squares / n) ** 2 - 3)).toBeLessThan(0.25);
  });

  test('neighbours are alike in both directions, slices are not', () => {
    const [a, b] = slices(0.75, 2);
    for (const [lag, down] of [
      [1, 0],
      [0, 1],
    ] as const) {
      expect(covariance(a!, lag, down)).toBeGreaterThan(0.3);
    }
    let between = 0;
    for (let i = 0; i < a!.length; i++) between += a![i]! * b![i]!;
    expect(Math.abs(between / a!.length)).toBeLessThan(0.05);
  });

  test('low frequencies are weak, as a ramp filter leaves them', () => {
    // Means of 10 x 10 blocks: white or merely blurred noise would keep far more.
    const planes = slices(0.75, 4);
    let squares = 0;
    let n = 0;
    let blurred = 0;
    for (const plane of planes) {
      for (let lag = -6; lag <= 6; lag++) blurred += Math.max(0, covariance(plane, Math.abs(lag), 0));
      for (let b = 0; b < rows; b += 10) {
        for (let a = 0; a < columns; a += 10, n++) {
          let sum = 0;
          for (let j = 0; j < 10; j++) for (let i = 0; i < 10; i++) sum += plane[(b + j) * columns + a + i]!;
          squares += (sum / 100) ** 2;
        }
      }
    }
    const width = blurred / planes.length;
    const ifBlurred = width / 10;
    expect(Math.sqrt(squares / n)).toBeLessThan(0.75 * ifBlurred);
  });
});
