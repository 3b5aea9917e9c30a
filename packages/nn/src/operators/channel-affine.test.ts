import { checkOperator } from '../testing/check-operator.ts';
import { channelAffine } from './channel-affine.ts';

checkOperator([
  { name: 'channelAffine', shapes: [[2, 3, 2, 3], [3], [3]], build: (x, a, b) => channelAffine(x, a, b) },
]);
