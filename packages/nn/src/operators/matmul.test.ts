import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { checkOperator } from '../testing/check-operator.ts';
import { matmul } from './matmul.ts';

checkOperator([
  {
    name: 'matmul',
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    build: (a, b) => matmul(a, b),
  },
  {
    name: 'matmul, broadcast',
    shapes: [
      [3, 4],
      [2, 4, 5],
    ],
    build: (a, b) => matmul(a, b),
  },
]);

test('inner sizes that differ are refused', () => {
  expect(() => matmul(input('m', [2, 3]), input('n', [2, 3]))).toThrow(/matmul: \[2, 3\] by \[2, 3\]/);
});
