import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator } from '../testing/check-operator.ts';
import { runModel } from '../testing/run-graph.ts';
import { concat, flatten, reshape, reverse, slice, transpose } from './layout.ts';

checkOperator([
  { name: 'reshape', shapes: [[2, 6]], build: (a) => reshape(a, [3, 4]) },
  { name: 'transpose', shapes: [[2, 3, 4, 5]], build: (a) => transpose(a, [2, 0, 3, 1]) },
  { name: 'slice', shapes: [[2, 7, 3]], build: (a) => slice(a, 1, 2, 5) },
  { name: 'slice, every third', shapes: [[2, 9, 3]], build: (a) => slice(a, 1, 1, 9, 3) },
  { name: 'slice, every second of the last axis', shapes: [[2, 7]], build: (a) => slice(a, 1, 0, 6, 2) },
  { name: 'reverse', shapes: [[2, 3, 4]], build: (a) => reverse(a, [0, 2]) },
  {
    name: 'concat',
    shapes: [
      [2, 1, 3],
      [2, 4, 3],
    ],
    build: (a, b) => concat([a, b], 1),
  },
  { name: 'flatten', shapes: [[2, 3, 4, 2]], build: (a) => flatten(a) },
]);

test('a value back to front, by hand', () => {
  const x = input('x', [2, 3]);
  expect([...evaluate([reverse(x, [1])], new Map([[x, [0, 1, 2, 3, 4, 5]]]))[0]!]).toEqual([
    2, 1, 0, 5, 4, 3,
  ]);
  expect(() => reverse(x, [2])).toThrow(/reverse: \[2, 3\] has no axes 2/);
});

test('slices in steps, by hand', () => {
  const x = input('x', [2, 5]);
  const feeds = new Map([[x, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]]);
  expect([...evaluate([slice(x, 1, 1, 5, 2)], feeds)[0]!]).toEqual([1, 3, 6, 8]);
  expect([...evaluate([slice(x, 1, 0, 5, 3)], feeds)[0]!]).toEqual([0, 3, 5, 8]);
});

test('a model of an open number of images flattens any number', async () => {
  const build = (n: number) => flatten(input('x', [n, 2, 1, 3]));
  const model = writeModel({
    name: 'm',
    outputs: { y: build(1) },
    openAxes: ['N', undefined, undefined, undefined],
  });
  const data = Array.from({ length: 18 }, (_, i) => i);
  expect([...(await runModel(model, { x: { data, shape: [3, 2, 1, 3] } })).y!]).toEqual(data);
  const [x, flat] = [input('x', [4, 5]), input('v', [4])];
  expect(flatten(x)).toBe(x);
  expect(() => flatten(flat)).toThrow(/flatten: expected \[N, ...\], found \[4\]/);
});

test('sizes that do not fit are refused', () => {
  const a = input('a', [2, 3, 8, 8]);
  expect(() => concat([a, input('c', [2, 3, 8, 9])], 1)).toThrow(/concat/);
  expect(() => reshape(a, [5])).toThrow(/reshape/);
  expect(() => slice(a, 1, 2, 4)).toThrow(/slice: 2 to 4 in steps of 1 lies outside axis 1/);
  expect(() => slice(a, 1, 0, 2, 0)).toThrow(/slice: 0 to 2 in steps of 0/);
});
