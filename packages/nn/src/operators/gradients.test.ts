import { describe, expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant, input, scalar, type Tensor } from '../graph/tensor.ts';
import { segmentationLoss } from '../losses/segmentation-loss.ts';
import { evaluate } from '../reference/evaluate.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { batchNorm, batchNormWithStatistics } from './batch-norm.ts';
import { channelAffine } from './channel-affine.ts';
import { convolution } from './convolution.ts';
import { add, div, exp, greater, log, mul, neg, relu, sqrt, sub, where } from './elementwise.ts';
import { concat, depthToSpace, reshape, slice, spaceToDepth, transpose } from './layout.ts';
import { matmul } from './matmul.ts';
import { maxPool2 } from './pooling.ts';
import { expand, reduceSum } from './reduce.ts';
import { logSoftmax, softmax } from './softmax.ts';
import { upConvolution2 } from './up-convolution.ts';

interface Case {
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly build: (...inputs: Tensor[]) => Tensor;
  /** Only positive numbers make sense (log, sqrt, divisors). */
  readonly positive?: boolean;
}

const same = [1, 1, 1, 1] as const;
const cases: Case[] = [
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
  { name: 'div', shapes: [[2, 3], [3]], build: (a, b) => div(a, b), positive: true },
  { name: 'neg', shapes: [[7]], build: (a) => neg(a) },
  { name: 'sqrt', shapes: [[7]], build: (a) => sqrt(a), positive: true },
  { name: 'exp', shapes: [[7]], build: (a) => exp(a) },
  { name: 'log', shapes: [[7]], build: (a) => log(a), positive: true },
  { name: 'relu', shapes: [[3, 11]], build: (a) => relu(a) },
  { name: 'where', shapes: [[3, 4], [4], [3, 1]], build: (c, a, b) => where(greater(c, scalar(0)), a, b) },
  { name: 'reduceSum, kept', shapes: [[2, 3, 4]], build: (a) => reduceSum(a, [0, 2], true) },
  { name: 'reduceSum, dropped', shapes: [[2, 3, 4]], build: (a) => reduceSum(a, [1]) },
  { name: 'expand', shapes: [[3, 1]], build: (a) => expand(a, [2, 3, 4]) },
  { name: 'reshape', shapes: [[2, 6]], build: (a) => reshape(a, [3, 4]) },
  { name: 'transpose', shapes: [[2, 3, 4, 5]], build: (a) => transpose(a, [2, 0, 3, 1]) },
  { name: 'slice', shapes: [[2, 7, 3]], build: (a) => slice(a, 1, 2, 5) },
  {
    name: 'concat',
    shapes: [
      [2, 1, 3],
      [2, 4, 3],
    ],
    build: (a, b) => concat([a, b], 1),
  },
  { name: 'depthToSpace', shapes: [[2, 12, 2, 3]], build: (a) => depthToSpace(a, 2) },
  {
    name: 'matmul',
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    build: (a, b) => matmul(a, b),
  },
  {
    name: 'matmul, broadcast',
    shapes: [
      [3, 4],
      [2, 4, 5],
    ],
    build: (a, b) => matmul(a, b),
  },
  {
    name: 'convolution 3 x 3 same',
    shapes: [[2, 3, 6, 5], [4, 3, 3, 3], [4]],
    build: (x, w, bias) => convolution(x, w, { pads: same, bias }),
  },
  {
    name: 'convolution 3 x 3 valid, one channel',
    shapes: [
      [1, 1, 5, 7],
      [2, 1, 3, 3],
    ],
    build: (x, w) => convolution(x, w),
  },
  {
    name: 'convolution 1 x 1',
    shapes: [[2, 5, 4, 3], [3, 5, 1, 1], [3]],
    build: (x, w, bias) => convolution(x, w, { bias }),
  },
  {
    name: 'convolution 3 x 5, uneven pads, dilated',
    shapes: [
      [2, 2, 7, 9],
      [3, 2, 3, 5],
    ],
    build: (x, w) => convolution(x, w, { pads: [2, 1, 0, 3], dilation: [2, 2] }),
  },
  {
    name: 'upConvolution2',
    shapes: [[2, 3, 2, 3], [3, 4, 2, 2], [4]],
    build: (x, w, b) => upConvolution2(x, w, b),
  },
  { name: 'channelAffine', shapes: [[2, 3, 2, 3], [3], [3]], build: (x, a, b) => channelAffine(x, a, b) },
  { name: 'spaceToDepth', shapes: [[2, 3, 4, 6]], build: (a) => spaceToDepth(a, 2) },
  { name: 'maxPool2', shapes: [[2, 3, 4, 6]], build: (a) => maxPool2(a) },
  { name: 'softmax', shapes: [[2, 4, 3, 3]], build: (a) => softmax(a, 1) },
  { name: 'logSoftmax', shapes: [[2, 4, 3, 3]], build: (a) => logSoftmax(a, 1) },
  {
    name: 'batchNorm',
    shapes: [[3, 4, 5, 2], [4], [4]],
    build: (x, gamma, beta) => batchNorm(x, gamma, beta, 1e-5).result,
  },
  {
    name: 'batchNorm, then relu',
    shapes: [[2, 3, 4, 4], [3], [3]],
    build: (x, gamma, beta) => relu(batchNorm(x, gamma, beta, 1e-5).result),
  },
  {
    name: 'batchNorm with statistics',
    shapes: [[2, 3, 2, 2], [3], [3], [3], [3]],
    build: (x, g, b, m, v) => batchNormWithStatistics(x, g, b, m, v, 1e-5),
    positive: true,
  },
  { name: 'the same value used twice', shapes: [[4]], build: (a) => mul(add(a, a), a) },
];

function randomValues(shape: Shape, seed: number, positive = false): Float64Array {
  const random = testRandom(seed);
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    const value = Math.fround(random.normal());
    return positive ? Math.fround(Math.abs(value) + 0.5) : value;
  });
}

describe.each(cases)('$name', ({ shapes, build, positive }) => {
  const sources = shapes.map((shape, i) => input(`x${i}`, shape));
  const feeds = new Map(sources.map((tensor, i) => [tensor, randomValues(tensor.shape, i + 1, positive)]));
  const result = build(...sources);
  // A loss that weighs every element differently: a permuted gradient is then a wrong one.
  const weights = constant(Float32Array.from(randomValues(result.shape, 99)), result.shape);
  const loss = reduceSum(mul(result, weights));
  const derivatives = gradients(loss, sources);

  test('ONNX Runtime gives the value and the derivative of the float64 reference', async () => {
    const expected = evaluate([result, ...derivatives], feeds);
    const found = await runGraph([result, ...derivatives], feeds);
    for (const [i, values] of expected.entries()) expect(relativeError(found[i]!, values)).toBeLessThan(2e-6);
  });

  test('the derivative agrees with finite differences in float64', () => {
    const exact = evaluate(derivatives, feeds);
    const h = 1e-6;
    for (const [i, source] of sources.entries()) {
      const numbers = feeds.get(source)!;
      const estimate = numbers.map((value, k) => {
        const at = (moved: number) =>
          evaluate([loss], new Map([...feeds, [source, numbers.with(k, moved)]]))[0]![0]!;
        return (at(value + h) - at(value - h)) / (2 * h);
      });
      expect(relativeError(estimate, exact[i]!)).toBeLessThan(1e-7);
    }
  });
});

describe('segmentation loss', () => {
  const [n, classes, h, w] = [2, 3, 3, 4];
  const logits = input('logits', [n, classes, h, w]);
  const targets = input('targets', [n, h, w], 'uint8');
  const random = testRandom(5);
  const truth = Uint8Array.from({ length: n * h * w }, (_, i) =>
    i === 7 ? 255 : Math.floor(random.uniform() * classes),
  );
  const classWeights = [1, 2, 4];
  const values = randomValues(logits.shape, 6);

  test.each([
    { crossEntropyWeight: 1, diceWeight: 0, classWeights },
    { crossEntropyWeight: 0, diceWeight: 1, classWeights },
    { crossEntropyWeight: 0.75, diceWeight: 0.25, classWeights, skipBackground: false },
  ])('value by hand, gradient by finite differences: %j', async (options) => {
    const { loss } = segmentationLoss(logits, targets, options);
    const [gradient] = gradients(loss, [logits]);
    const byHand = (z: Float64Array): number => {
      let crossEntropy = 0;
      let weight = 0;
      const overlap = [0, 0, 0];
      const sizes = [0, 0, 0];
      for (let i = 0; i < truth.length; i++) {
        const at = (c: number) => z[Math.floor(i / (h * w)) * classes * h * w + c * h * w + (i % (h * w))]!;
        const e = [0, 1, 2].map((c) => Math.exp(at(c)));
        const sum = e[0]! + e[1]! + e[2]!;
        for (let c = 0; c < classes; c++) {
          const p = e[c]! / sum;
          const t = truth[i] === c ? 1 : 0;
          crossEntropy -= t * classWeights[c]! * Math.log(p);
          weight += t * classWeights[c]!;
          overlap[c]! += p * t;
          sizes[c]! += p + t;
        }
      }
      const dice = overlap.map((o, c) => (2 * o + 1) / (sizes[c]! + 1));
      const counted = options.skipBackground === false ? dice : dice.slice(1);
      const meanDice = counted.reduce((a, b) => a + b) / counted.length;
      return (options.crossEntropyWeight * crossEntropy) / weight + options.diceWeight * (1 - meanDice);
    };
    const feeds = new Map<Tensor, ArrayLike<number>>([
      [logits, values],
      [targets, truth],
    ]);
    const [value, exact] = evaluate([loss, gradient!], feeds);
    expect(value![0]).toBeCloseTo(byHand(values), 12);
    const step = 1e-6;
    const estimate = values.map(
      (z, i) => (byHand(values.with(i, z + step)) - byHand(values.with(i, z - step))) / (2 * step),
    );
    expect(relativeError(estimate, exact!)).toBeLessThan(1e-8);
    const [runValue, runGradient] = await runGraph([loss, gradient!], feeds);
    expect(relativeError(runValue!, value!)).toBeLessThan(1e-6);
    expect(relativeError(runGradient!, exact!)).toBeLessThan(2e-6);
  });
});

test('a batch without any class has a finite loss and no gradient of cross-entropy', async () => {
  const logits = input('logits', [1, 2, 2, 2]);
  const targets = input('targets', [1, 2, 2], 'uint8');
  const options = { crossEntropyWeight: 1, diceWeight: 0, classWeights: [1, 1] };
  const { loss } = segmentationLoss(logits, targets, options);
  const [gradient] = gradients(loss, [logits]);
  const feeds = new Map([
    [logits, [1, 2, 3, 4, 5, 6, 7, 8]],
    [targets, [255, 255, 255, 255]],
  ]);
  const [value, slope] = await runGraph([loss, gradient!], feeds);
  expect(value).toEqual(Float32Array.of(0));
  expect([...slope!].map(Math.abs)).toEqual(new Array(8).fill(0));
});

test('tied pixels: the first in row-major order gets the gradient of max-pooling, as in PyTorch', async () => {
  const x = input('x', [1, 1, 2, 8]);
  const [dx] = gradients(reduceSum(maxPool2(x)), [x]);
  // Windows: all equal; tie of right top and left bottom; tie in the lower row; no tie.
  const feeds = new Map([[x, [3, 3, 1, 5, 0, 0, 1, 2, 3, 3, 5, 1, 4, 4, 3, 9]]]);
  const expected = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1];
  expect([...evaluate([dx!], feeds)[0]!]).toEqual(expected);
  expect([...(await runGraph([dx!], feeds))[0]!]).toEqual(expected);
});

test('a convolution by hand', () => {
  const x = input('x', [1, 1, 3, 3]);
  const w = input('w', [1, 1, 2, 2]);
  const feeds = new Map([
    [x, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [w, [1, 10, 100, 1000]],
  ]);
  const y = convolution(x, w);
  expect([...evaluate([y], feeds)[0]!]).toEqual([5421, 6532, 8754, 9865]);
  const [dw] = gradients(reduceSum(y), [w]);
  expect([...evaluate([dw!], feeds)[0]!]).toEqual([12, 16, 24, 28]);
});

test('wrong shapes are refused where the graph is built, with operator and shapes', () => {
  const a = input('a', [2, 3, 8, 8]);
  expect(() => add(a, input('b', [2, 8]))).toThrow(
    /add: shapes \[2, 3, 8, 8\] and \[2, 8\] do not broadcast/,
  );
  expect(() => convolution(a, input('w', [4, 2, 3, 3]))).toThrow(
    /convolution: image \[2, 3, 8, 8\] and weights \[4, 2, 3, 3\]/,
  );
  expect(() => convolution(a, input('w', [4, 3, 9, 9]))).toThrow(/too small/);
  expect(() => maxPool2(input('odd', [1, 1, 5, 4]))).toThrow(
    /maxPool2: height and width must be even, found \[1, 1, 5, 4\]/,
  );
  expect(() => matmul(input('m', [2, 3]), input('n', [2, 3]))).toThrow(/matmul: \[2, 3\] by \[2, 3\]/);
  expect(() => concat([a, input('c', [2, 3, 8, 9])], 1)).toThrow(/concat/);
  expect(() => reshape(a, [5])).toThrow(/reshape/);
  expect(() => slice(a, 1, 2, 4)).toThrow(/slice: 2 to 4 lies outside axis 1/);
  expect(() => add(a, input('u', [1], 'uint8'))).toThrow(/add: expected float32, found .*uint8 \[1\]/);
  expect(() => gradients(a, [])).toThrow(/the loss must be a scalar/);
});
