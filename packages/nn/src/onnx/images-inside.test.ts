import { expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { input } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { mul } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { evaluate } from '../reference/evaluate.ts';
import { randomValues } from '../testing/check-operator.ts';
import { relativeError } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { writeModel } from './write-model.ts';

test.each([
  { name: 'padding', image: [3, 64, 4, 3], weights: [512, 64, 3, 3], options: { pads: [1, 1, 1, 1] } },
  {
    name: 'uneven padding, dilation, stride of the first axis',
    image: [2, 128, 5, 7],
    weights: [256, 128, 2, 4],
    options: { pads: [0, 3, 1, 2], dilation: [1, 2], stride: [2, 1] },
  },
  { name: 'single pixels', image: [5, 512, 1, 1], weights: [512, 512, 1, 1], options: {} },
  {
    name: 'volumes',
    image: [2, 64, 2, 3, 2],
    weights: [160, 64, 3, 3, 3],
    options: { pads: [1, 1, 1, 1, 1, 1] },
  },
])('$name: small images of many weights, with their gradients', async ({ image, weights, options }) => {
  const [x, w, bias] = [input('x', image), input('w', weights), input('bias', [weights[0]!])];
  const y = convolution(x, w, { ...options, bias });
  const slope = input('slope', y.shape);
  const outputs = [y, ...gradients(reduceSum(mul(y, slope)), [x, w, bias])];
  const feeds = new Map([x, w, bias, slope].map((each, i) => [each, randomValues(each.shape, i + 1)]));
  // Every image is a column of its own in the turned value.
  expect(Buffer.from(writeModel({ name: 'm', outputs: { y } })).includes('Transpose')).toBe(true);
  expect(Buffer.from(writeModel({ name: 'm', outputs: { y }, portable: true })).includes('Transpose')).toBe(
    false,
  );
  const [exact, found] = [evaluate(outputs, feeds), await runGraph(outputs, feeds)];
  for (const [i, values] of exact.entries()) expect(relativeError(found[i]!, values)).toBeLessThan(2e-6);
});
