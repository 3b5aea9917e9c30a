import { checkOperator } from '../testing/check-operator.ts';
import { upConvolution2 } from './up-convolution.ts';

checkOperator([
  {
    name: 'upConvolution2',
    shapes: [[2, 3, 2, 3], [3, 4, 2, 2], [4]],
    build: (x, w, b) => upConvolution2(x, w, b),
  },
]);
