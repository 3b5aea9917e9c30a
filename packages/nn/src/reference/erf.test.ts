import { expect, test } from 'vitest';
import { erf } from './erf.ts';

test('the error function at known points, on both sides of every change of formula', () => {
  // Abramowitz and Stegun, table 7.1, and the first terms of the series.
  expect(erf(0)).toBe(0);
  expect(erf(1e-8)).toBeCloseTo(1.1283791670955126e-8, 22);
  expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
  expect(erf(1)).toBeCloseTo(0.8427007929497149, 14);
  expect(erf(-2)).toBeCloseTo(-0.9953222650189527, 14);
  expect(1 - erf(3)).toBeCloseTo(2.209049699858544e-5, 15);
  expect(1 - erf(2.999999)).toBeCloseTo(2.209063625205517e-5, 15);
  expect(erf(7)).toBe(1);
  expect(erf(Number.NEGATIVE_INFINITY)).toBe(-1);
  expect(erf(Number.NaN)).toBeNaN();
});
