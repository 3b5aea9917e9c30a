import { expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { input, scalar, type Tensor } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator } from '../testing/check-operator.ts';
import { runGraph } from '../testing/run-graph.ts';
import {
  abs,
  add,
  and,
  cast,
  div,
  equal,
  exp,
  greater,
  greaterOrEqual,
  less,
  log,
  maximum,
  minimum,
  mul,
  neg,
  not,
  or,
  pow,
  relu,
  sqrt,
  sub,
  where,
} from './elementwise.ts';
import { reduceSum } from './reduce.ts';

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
  { name: 'abs', shapes: [[3, 5]], build: (a) => abs(a) },
  { name: 'pow', shapes: [[7]], build: (a) => pow(a, 1.7), value: positive },
  { name: 'pow of a whole exponent', shapes: [[7]], build: (a) => pow(a, 3) },
  { name: 'pow of 2, 1 and 0.5', shapes: [[7]], build: (a) => pow(pow(pow(a, 2), 1), 0.5), value: positive },
  { name: 'maximum', shapes: [[3, 4], [4]], build: (a, b) => maximum(a, b) },
  {
    name: 'minimum',
    shapes: [
      [3, 1],
      [2, 1, 4],
    ],
    build: (a, b) => minimum(a, b),
  },
  { name: 'the same value used twice', shapes: [[4]], build: (a) => mul(add(a, a), a) },
]);

test('comparisons and logic, by hand', async () => {
  const [a, b] = [input('a', [4]), input('b', [4])];
  const feeds = new Map([
    [a, [1, 2, 3, 2]],
    [b, [2, 2, 2, 3]],
  ]);
  const numbers = [
    [less(a, b), [1, 0, 0, 1]],
    [greater(a, b), [0, 0, 1, 0]],
    [greaterOrEqual(a, b), [0, 1, 1, 0]],
    [equal(a, b), [0, 1, 0, 0]],
    [not(equal(a, b)), [1, 0, 1, 1]],
    [and(less(a, b), greater(a, scalar(1))), [0, 0, 0, 1]],
    [or(less(a, b), equal(a, scalar(3))), [1, 0, 1, 1]],
  ] as const;
  const outputs = numbers.map(([tensor]) => cast(tensor, 'float32'));
  const expected = numbers.map(([, values]) => values);
  expect(evaluate(outputs, feeds).map((values) => [...values])).toEqual(expected);
  expect((await runGraph(outputs, feeds)).map((values) => [...values])).toEqual(expected);
});

test('|x| has no slope at 0', async () => {
  const x = input('x', [3]);
  const slope = gradients(reduceSum(abs(x)), [x]);
  const feeds = new Map([[x, [-2, 0, 1e-20]]]);
  expect([...evaluate(slope, feeds)[0]!]).toEqual([-1, 0, 1]);
  expect([...(await runGraph(slope, feeds))[0]!]).toEqual([-1, 0, 1]);
});

test('equal operands share the gradient of the larger and the smaller one, as in PyTorch', () => {
  const [a, b] = [input('a', [3]), input('b', [3])];
  const feeds = new Map([
    [a, [1, 2, 3]],
    [b, [2, 2, 2]],
  ]);
  const found = (y: Tensor) => evaluate(gradients(reduceSum(y), [a, b]), feeds).map((values) => [...values]);
  expect(found(maximum(a, b))).toEqual([
    [0, 0.5, 1],
    [1, 0.5, 0],
  ]);
  expect(found(minimum(a, b))).toEqual([
    [1, 0.5, 0],
    [0, 0.5, 1],
  ]);
});

test('operands that do not fit are refused', () => {
  const a = input('a', [2, 3, 8, 8]);
  expect(() => add(a, input('b', [2, 8]))).toThrow(
    /add: shapes \[2, 3, 8, 8\] and \[2, 8\] do not broadcast/,
  );
  expect(() => add(a, input('u', [1], 'uint8'))).toThrow(/add: expected float32, found .*uint8 \[1\]/);
});
