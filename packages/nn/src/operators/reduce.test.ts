import { checkOperator } from '../testing/check-operator.ts';
import { expand, reduceSum } from './reduce.ts';

checkOperator([
  { name: 'reduceSum, kept', shapes: [[2, 3, 4]], build: (a) => reduceSum(a, [0, 2], true) },
  { name: 'reduceSum, dropped', shapes: [[2, 3, 4]], build: (a) => reduceSum(a, [1]) },
  { name: 'expand', shapes: [[3, 1]], build: (a) => expand(a, [2, 3, 4]) },
]);
