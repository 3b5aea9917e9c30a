import { expect, test } from 'vitest';
import { input, scalar } from '../graph/tensor.ts';
import { checkOperator } from '../testing/check-operator.ts';
import { add, div, exp, greater, log, mul, neg, relu, sqrt, sub, where } from './elementwise.ts';

const positive = (normal: number) => Math.abs(normal) + 0.5;

checkOperator([
  {
    name: 'add, broadcast',
    shapes: [
      [2, 3, 4],
      [3, 1],
    ],
    build: (a, b) => add(a, b),
  },
  {
    name: 'sub, broadcast',
    shapes: [
      [1, 4],
      [3, 2, 4],
    ],
    build: (a, b) => sub(a, b),
  },
  { name: 'mul, scalar', shapes: [[2, 5], []], build: (a, b) => mul(a, b) },
  { name: 'div', shapes: [[2, 3], [3]], build: (a, b) => div(a, b), value: positive },
  { name: 'neg', shapes: [[7]], build: (a) => neg(a) },
  { name: 'sqrt', shapes: [[7]], build: (a) => sqrt(a), value: positive },
  { name: 'exp', shapes: [[7]], build: (a) => exp(a) },
  { name: 'log', shapes: [[7]], build: (a) => log(a), value: positive },
  { name: 'relu', shapes: [[3, 11]], build: (a) => relu(a) },
  { name: 'where', shapes: [[3, 4], [4], [3, 1]], build: (c, a, b) => where(greater(c, scalar(0)), a, b) },
  { name: 'the same value used twice', shapes: [[4]], build: (a) => mul(add(a, a), a) },
]);

test('operands that do not fit are refused', () => {
  const a = input('a', [2, 3, 8, 8]);
  expect(() => add(a, input('b', [2, 8]))).toThrow(
    /add: shapes \[2, 3, 8, 8\] and \[2, 8\] do not broadcast/,
  );
  expect(() => add(a, input('u', [1], 'uint8'))).toThrow(/add: expected float32, found .*uint8 \[1\]/);
});
