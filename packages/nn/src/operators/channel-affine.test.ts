import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { checkOperator } from '../testing/check-operator.ts';
import { channelAffine } from './channel-affine.ts';

checkOperator(
  [
    [2, 3, 2, 3],
    [2, 3],
    [2, 3, 5],
    [1, 3, 2, 3, 2],
  ].map((shape) => ({
    name: `channelAffine of ${shape.length} axes`,
    shapes: [shape, [3], [3]],
    build: (x, a, b) => channelAffine(x, a, b),
  })),
);

checkOperator([
  {
    name: 'channelAffine with an addend',
    shapes: [[2, 3, 2, 3], [3], [3], [2, 3, 2, 3]],
    build: (x, a, b, c) => channelAffine(x, a, b, c),
  },
]);

test('vectors of another length are refused', () => {
  expect(() => channelAffine(input('x', [2, 3, 4]), input('a', [3]), input('b', [4]))).toThrow(
    /channelAffine: image \[2, 3, 4\] needs slope and shift \[3\], found \[3\] and \[4\]/,
  );
  const [x, vector] = [input('x', [2, 3, 4]), input('a', [3])];
  expect(() => channelAffine(x, vector, vector, vector)).toThrow(/image \[2, 3, 4\] and addend \[3\] differ/);
});
