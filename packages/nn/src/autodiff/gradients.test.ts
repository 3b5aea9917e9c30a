import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { reduceSum } from '../operators/reduce.ts';
import { evaluate } from '../reference/evaluate.ts';
import { gradients } from './gradients.ts';

test('only a scalar has a gradient', () => {
  expect(() => gradients(input('a', [2, 3]), [])).toThrow(/the loss must be a scalar, found \[2, 3\]/);
});

test('a parameter on which the loss does not depend gets zeros', () => {
  const [used, unused] = [input('used', [2]), input('unused', [3])];
  const found = evaluate(gradients(reduceSum(used), [used, unused]), new Map([[used, [5, 6]]]));
  expect(found.map((values) => [...values])).toEqual([
    [1, 1],
    [0, 0, 0],
  ]);
});
