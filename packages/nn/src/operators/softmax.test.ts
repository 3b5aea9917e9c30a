import { checkOperator } from '../testing/check-operator.ts';
import { logSoftmax, softmax } from './softmax.ts';

checkOperator([
  { name: 'softmax', shapes: [[2, 4, 3, 3]], build: (a) => softmax(a, 1) },
  { name: 'logSoftmax', shapes: [[2, 4, 3, 3]], build: (a) => logSoftmax(a, 1) },
]);
