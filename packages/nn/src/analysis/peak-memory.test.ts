import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { add, mul, neg } from '../operators/elementwise.ts';
import { peakBytes } from './peak-memory.ts';

test('a chain holds two values at once, a branch those that are still needed; weights do not count', () => {
  const x = input('x', [2, 5]);
  const chain = neg(neg(neg(x)));
  expect(peakBytes([chain], x)).toBe(2 * 40);
  expect(peakBytes([add(chain, x)], x)).toBe(3 * 40);
  expect(peakBytes([mul(x, neg(input('w', [2, 5])))], x)).toBe(2 * 40);
  expect(peakBytes([x], x)).toBe(40);
});
