import { expect, test } from 'vitest';
import { seededNormals } from './seeded-normals.ts';

const draw = (seed: number, count: number) => {
  const random = seededNormals(seed);
  return Float64Array.from({ length: count }, () => random.normal());
};

test('the same numbers for the same seed, others for another', () => {
  expect(draw(1, 100)).toEqual(draw(1, 100));
  expect(draw(1, 100)).not.toEqual(draw(2, 100));
});

test('mean 0, variance 1, and the tails of a normal distribution', () => {
  const count = 200_000;
  const numbers = draw(3, count);
  const moment = (power: number) => numbers.reduce((sum, x) => sum + x ** power, 0) / count;
  // Four standard errors of each moment.
  expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(count));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / count));
  const beyondTwo = numbers.filter((x) => Math.abs(x) > 2).length / count;
  expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(4 * Math.sqrt((0.0455 * 0.9545) / count));
});
