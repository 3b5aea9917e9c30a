import { expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { runTorch } from '../../../../testing/torch.ts';
import type { Shape } from '../graph/shape.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import {
  checkOperator,
  compareWithPeer,
  type OperatorCase,
  randomValues,
} from '../testing/check-operator.ts';
import { batchNorm, batchNormWithStatistics } from './batch-norm.ts';
import { relu } from './elementwise.ts';

const shapes: Shape[] = [
  [3, 4, 5, 2],
  [2, 3, 4, 3, 2],
  [7, 3],
  [2, 3, 5],
];
const batches: OperatorCase[] = shapes.map((shape) => ({
  name: `batchNorm of ${shape.length} axes`,
  shapes: [shape, [shape[1]!], [shape[1]!]],
  build: (x, gamma, beta) => batchNorm(x, gamma, beta, 1e-5).result,
}));
const withStatistics: OperatorCase[] = shapes.map((shape) => ({
  name: `batchNorm of ${shape.length} axes with statistics`,
  shapes: [shape, ...new Array<Shape>(4).fill([shape[1]!])],
  build: (x, g, b, m, v) => batchNormWithStatistics(x, g, b, m, v, 1e-5),
  value: (normal) => Math.abs(normal) + 0.5,
}));

checkOperator([
  ...batches,
  ...withStatistics,
  {
    name: 'batchNorm, then relu',
    shapes: [[2, 3, 4, 4], [3], [3]],
    build: (x, gamma, beta) => relu(batchNorm(x, gamma, beta, 1e-5).result),
  },
]);

test('mean and variance of the batch, by hand', () => {
  const x = input('x', [2, 2, 2]);
  const one = (tensor: Tensor) => [tensor, [1, 1]] as const;
  const [gamma, beta] = [input('gamma', [2]), input('beta', [2])];
  const { mean, variance } = batchNorm(x, gamma, beta, 0);
  const feeds = new Map<Tensor, readonly number[]>([
    [x, [1, 2, 10, 10, 3, 6, 10, 14]],
    one(gamma),
    one(beta),
  ]);
  const found = evaluate([mean, variance], feeds).map((values) => [...values]);
  expect(found).toEqual([
    [3, 11],
    [3.5, 3],
  ]);
});

test('an image far from zero keeps its digits: the variance is that of what is left after the mean', () => {
  const [x, gamma, beta] = [input('x', [2, 1, 3, 3]), input('gamma', [1]), input('beta', [1])];
  const { variance } = batchNorm(x, gamma, beta, 1e-5);
  const numbers = randomValues(x.shape, 1, (normal) => 1e6 + Math.round(8 * normal));
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const exact = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
  expect(evaluate([variance], new Map([[x, numbers]]))[0]![0]! / exact).toBeCloseTo(1, 9);
});

test.skipIf(!hasSystemTools(['python3-torch']))(
  needs(['python3-torch'], 'batch norm as PyTorch does it'),
  () => {
    compareWithPeer(
      [
        ...batches.map((operator) => ({
          ...operator,
          peer: 'F.batch_norm(x[0], None, None, x[1], x[2], True, 0.1, 1e-5)',
        })),
        ...withStatistics.map((operator) => ({
          ...operator,
          peer: '(x[0].movedim(1, -1) - x[3]).div((x[4] + 1e-5).sqrt()).mul(x[1]).add(x[2]).movedim(-1, 1)',
        })),
      ],
      runTorch,
    );
  },
);
