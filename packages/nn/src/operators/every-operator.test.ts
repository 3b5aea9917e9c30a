import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { type CompositeAttributes, compositeOperator } from '../graph/composite.ts';
import { input, scalar, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { checkOperator, type OperatorCase } from '../testing/check-operator.ts';
import { clip, erf, gelu, leakyRelu, sigmoid, silu, softplus, tanh } from './activations.ts';
import { averagePool, globalAveragePool } from './average-pooling.ts';
import { batchNorm } from './batch-norm.ts';
import { channelAffine } from './channel-affine.ts';
import { convolution, convolutionTranspose } from './convolution.ts';
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
  log,
  maximum,
  minimum,
  mul,
  neg,
  not,
  or,
  pow,
  relu,
  sign,
  sqrt,
  sub,
  where,
} from './elementwise.ts';
import { groupNorm } from './group-norm.ts';
import { concat, flatten, reshape, reverse, slice, transpose } from './layout.ts';
import { linear } from './linear.ts';
import { matmul } from './matmul.ts';
import { pad } from './pad.ts';
import { maxPool } from './pooling.ts';
import { expand, reduceSum } from './reduce.ts';
import { reduceMax, reduceMin } from './reduce-extremes.ts';
import { reduceMean } from './reduce-mean.ts';
import { reduceSumSquare } from './reduce-sum-square.ts';
import { repeat } from './repeat.ts';
import { resizeLinear, resizeNearest } from './resize.ts';
import { logSoftmax, softmax } from './softmax.ts';
import { upConvolution } from './up-convolution.ts';

type Case = Omit<OperatorCase, 'name'>;

const image = [2, 3, 4, 6];
const pair = [
  [2, 5],
  [2, 5],
];
const positive = (normal: number) => Math.abs(normal) + 0.5;
const one = (shape: readonly number[], build: (x: Tensor) => Tensor, value?: Case['value']): Case => ({
  shapes: [shape],
  build,
  ...(value && { value }),
});
const two = (build: (a: Tensor, b: Tensor) => Tensor, value?: Case['value']): Case => ({
  shapes: pair,
  build,
  ...(value && { value }),
});
const zero = scalar(0);
const isPositive = (x: Tensor) => greater(x, zero);
const convolved: Case = {
  shapes: [image, [4, 3, 3, 3]],
  build: (x, w) => convolution(x, w, { pads: [1, 1, 1, 1] }),
};
const doubled: Case = { shapes: [image, [3, 2, 2, 2]], build: (x, w) => upConvolution(x, w) };

/**
 * One case for every operator: its value and its derivative. Comparisons and logic, which have none, choose between values
 * that have; operators that only derivatives use stand in those of another. The families' own tests go further.
 */
const cases: Readonly<Record<string, Case>> = {
  sigmoid: one(image, sigmoid),
  tanh: one(image, tanh),
  softplus: one(image, softplus),
  erf: one(image, erf),
  silu: one(image, silu),
  gelu: one(image, (x) => gelu(x)),
  leakyRelu: one(image, (x) => leakyRelu(x, 0.1)),
  leakyReluGradient: one(image, (x) => leakyRelu(x, 0.2)),
  clip: one(image, (x) => clip(x, -0.5, 0.7)),
  add: two(add),
  sub: two(sub),
  mul: two(mul),
  div: two(div, positive),
  neg: one([7], neg),
  sqrt: one([7], sqrt, positive),
  exp: one([7], exp),
  log: one([7], log, positive),
  abs: one([7], abs),
  sign: two((a, b) => mul(sign(a), b)),
  pow: one([7], (x) => pow(x, 1.7), positive),
  relu: one(image, relu),
  reluGradient: one([3, 4], relu),
  maximum: two(maximum),
  minimum: two(minimum),
  where: two((a, b) => where(isPositive(a), a, b)),
  greater: two((a, b) => where(greater(a, b), a, neg(b))),
  greaterOrEqual: two((a, b) => where(greaterOrEqual(a, b), a, neg(b))),
  equal: two((a, b) => where(equal(sign(a), sign(b)), a, b)),
  and: two((a, b) => where(and(isPositive(a), isPositive(b)), a, b)),
  or: two((a, b) => where(or(isPositive(a), isPositive(b)), a, b)),
  not: two((a, b) => where(not(isPositive(a)), a, b)),
  cast: two((a, b) => where(isPositive(cast(isPositive(a), 'float32')), a, b)),
  reshape: one([2, 6], (x) => reshape(x, [3, 4])),
  flatten: one(image, flatten),
  transpose: one([2, 3, 4], (x) => transpose(x, [2, 0, 1])),
  slice: one([2, 7], (x) => slice(x, 1, 1, 6, 2)),
  reverse: one([2, 3, 4], (x) => reverse(x, [0, 2])),
  concat: two((a, b) => concat([a, b], 1)),
  pad: one(image, (x) => pad(x, [0, 0, 1, 2], [0, 0, 0, 1], 0.5)),
  repeat: one(image, (x) => repeat(x, [2, 3])),
  expand: one([3, 1], (x) => expand(x, [2, 3, 4])),
  reduceSum: one(image, (x) => reduceSum(x, [0, 2])),
  reduceSumSquare: one(image, (x) => reduceSumSquare(x, [1, 3], true)),
  reduceMean: one(image, (x) => reduceMean(x, [2, 3])),
  reduceMax: one(image, (x) => reduceMax(x, [1])),
  reduceMin: one(image, (x) => reduceMin(x, [1, 2])),
  softmax: one([3, 5], (x) => softmax(x, 1)),
  logSoftmax: one([3, 5], (x) => logSoftmax(x, 1)),
  matmul: {
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    build: (a, b) => matmul(a, b),
  },
  linear: { shapes: [[4, 3], [5, 3], [5]], build: (x, w, b) => linear(x, w, b) },
  convolution: convolved,
  convolutionWeightGradient: convolved,
  flippedKernel: convolved,
  convolutionTranspose: {
    shapes: [image, [3, 4, 3, 3]],
    build: (x, w) => convolutionTranspose(x, w, { stride: [2, 2], pads: [1, 1, 1, 1], size: [8, 12] }),
  },
  upConvolution: doubled,
  foldedPixels: doubled,
  averagePool: one(image, (x) => averagePool(x, { kernel: 2 })),
  globalAveragePool: one(image, globalAveragePool),
  maxPool: one(image, (x) => maxPool(x, { kernel: 2 })),
  maxPoolGradient: one(image, (x) => maxPool(x, { kernel: 3, stride: 2, pads: 1 })),
  resizeNearest: one(image, (x) => resizeNearest(x, 2)),
  resizeLinear: one(image, (x) => resizeLinear(x, [7, 9])),
  channelAffine: { shapes: [image, [3], [3]], build: (x, a, b) => channelAffine(x, a, b) },
  batchNorm: { shapes: [image, [3], [3]], build: (x, g, b) => batchNorm(x, g, b, 1e-5).result },
  groupNorm: {
    shapes: [image, [3], [3]],
    build: (x, gamma, beta) => groupNorm(x, 3, { gamma: gamma, beta: beta }),
  },
};

/** Names of all operators, and of the compositions that have a derivative of their own, as the files here give them. */
function declaredOperators(): string[] {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const texts = readdirSync(folder)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
  const declaration = /(?:\bname: |\bwithGradient\(\s*|Operator\(\s*)'(\w+)'/g;
  return [...new Set(texts.flatMap((text) => [...text.matchAll(declaration)].map((match) => match[1]!)))];
}

test('every operator of this folder has a case here, and no case is of an operator that is gone', () => {
  const declared = declaredOperators();
  expect(declared.length).toBeGreaterThan(50);
  expect(Object.keys(cases).toSorted()).toEqual(declared.toSorted());
});

test.each(Object.entries(cases))('the graphs of %s hold that operator', (name, { shapes, build }) => {
  const sources = shapes.map((shape, i) => input(`x${i}`, shape));
  const result = build(...sources);
  const derivatives = gradients(reduceSum(mul(result, result)), sources);
  const found = topologicalOrder([result, ...derivatives]).map(({ operator, attributes }) =>
    operator.name === compositeOperator.name ? (attributes as CompositeAttributes).name : operator.name,
  );
  expect(found).toContain(name);
});

checkOperator(Object.entries(cases).map(([name, each]) => ({ name: `${name}, smallest case`, ...each })));
