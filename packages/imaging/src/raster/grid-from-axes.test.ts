import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { determinant, type Mat3, type Vec3 } from '../geometry/geometry.ts';
import { cornerMovement, gridFromSteps, nearestOrthonormal } from './grid-from-axes.ts';

const size: Vec3 = [4, 5, 6];

describe('nearestOrthonormal', () => {
  test('is orthonormal, near, and keeps the handedness of what it was given', () => {
    const noise = fc.array(fc.double({ min: -0.05, max: 0.05, noNaN: true }), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(noise, fc.boolean(), (bend, mirrored) => {
        const m = [1, 0, 0, 0, 0.6, -0.8, 0, 0.8, 0.6].map(
          (v, i) => (mirrored && i % 3 === 0 ? -v : v) + bend[i]!,
        );
        const q = nearestOrthonormal(m as unknown as Mat3);
        for (let a = 0; a < 3; a++) {
          for (let b = 0; b < 3; b++) {
            const dot = q[a]! * q[b]! + q[3 + a]! * q[3 + b]! + q[6 + a]! * q[6 + b]!;
            expect(dot).toBeCloseTo(a === b ? 1 : 0, 12);
          }
        }
        expect(determinant(q)).toBeCloseTo(mirrored ? -1 : 1, 12);
        // Nearest: q^T m is symmetric, the mark of the polar decomposition.
        const s = (a: number, b: number) => q[a]! * m[b]! + q[3 + a]! * m[3 + b]! + q[6 + a]! * m[6 + b]!;
        for (const [a, b] of [
          [0, 1],
          [0, 2],
          [1, 2],
        ] as const)
          expect(s(a, b)).toBeCloseTo(s(b, a), 10);
      }),
    );
  });
});

describe('gridFromSteps', () => {
  test('splits steps into spacing and direction; exact axes stay exact', () => {
    const { geometry, findings } = gridFromSteps(
      size,
      [
        [0, 0.5, 0],
        [-0.75, 0, 0],
        [0, 0, -3],
      ],
      [1, 2, 3],
      'x',
    );
    expect(geometry).toEqual({
      size,
      spacing: [0.5, 0.75, 3],
      origin: [1, 2, 3],
      direction: [0, -1, 0, 1, 0, 0, 0, 0, -1],
    });
    expect(findings).toEqual([]);
  });

  test('an axis without length, or not a number, is refused', () => {
    for (const bad of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() =>
        gridFromSteps(
          size,
          [
            [1, 0, 0],
            [0, bad, 0],
            [0, 0, 1],
          ],
          [0, 0, 0],
          'file.x',
        ),
      ).toThrow(
        expect.objectContaining({ code: 'geometry-invalid', message: expect.stringContaining('file.x') }),
      );
    }
  });

  test('parallel axes are refused', () => {
    expect(() =>
      gridFromSteps(
        size,
        [
          [1, 0, 0],
          [1, 0, 0],
          [0, 0, 1],
        ],
        [0, 0, 0],
        'x',
      ),
    ).toThrow(/sheared/);
  });
});

test('cornerMovement is the largest of the eight', () => {
  const { geometry } = gridFromSteps(
    size,
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    [0, 0, 0],
    'x',
  );
  const wider = { ...geometry, spacing: [1, 1, 1.1] as const, origin: [0.3, 0, 0] as const };
  expect(cornerMovement(geometry, wider)).toBeCloseTo(Math.hypot(0.3, 0.5), 12);
});
