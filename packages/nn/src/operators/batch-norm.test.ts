import { checkOperator } from '../testing/check-operator.ts';
import { batchNorm, batchNormWithStatistics } from './batch-norm.ts';
import { relu } from './elementwise.ts';

checkOperator([
  {
    name: 'batchNorm',
    shapes: [[3, 4, 5, 2], [4], [4]],
    build: (x, gamma, beta) => batchNorm(x, gamma, beta, 1e-5).result,
  },
  {
    name: 'batchNorm, then relu',
    shapes: [[2, 3, 4, 4], [3], [3]],
    build: (x, gamma, beta) => relu(batchNorm(x, gamma, beta, 1e-5).result),
  },
  {
    name: 'batchNorm with statistics',
    shapes: [[2, 3, 2, 2], [3], [3], [3], [3]],
    build: (x, g, b, m, v) => batchNormWithStatistics(x, g, b, m, v, 1e-5),
    value: (normal) => Math.abs(normal) + 0.5,
  },
]);
