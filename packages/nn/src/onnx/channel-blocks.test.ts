import { describe, expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant, input, type Tensor } from '../graph/tensor.ts';
import { batchNorm } from '../operators/batch-norm.ts';
import { type ConvolutionOptions, convolution } from '../operators/convolution.ts';
import { add, mul, relu } from '../operators/elementwise.ts';
import { concat, reshape, slice, transpose } from '../operators/layout.ts';
import { maxPool, maxPool2 } from '../operators/pooling.ts';
import { reduceSum } from '../operators/reduce.ts';
import { evaluate } from '../reference/evaluate.ts';
import { probeChannelBlock } from '../runtime/probe-blocks.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { buildModel } from './write-model.ts';

const block = await probeChannelBlock();
const channels = 16;
const size = 56;
const x = input('x', [1, channels, size, size]);
const weights = [1, 2, 3].map((i) => input(`w${i}`, [channels, i === 3 ? 2 * channels : channels, 3, 3]));
const gamma = input('gamma', [channels]);
const beta = input('beta', [channels]);
const same = { pads: [1, 1, 1, 1] };

/** A value of the kind that `unit` makes, and gradients of a loss that weighs every element differently. */
function withGradients(result: Tensor, sources: readonly Tensor[]): Tensor[] {
  const factors = constant(Float32Array.from(values(result.shape, 99)), result.shape);
  return [result, ...gradients(reduceSum(mul(result, factors)), sources)];
}

function values(shape: Shape, seed: number): Float64Array {
  const random = testRandom(seed);
  return Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(0.3 * random.normal()));
}

const [w1, w2, w3] = weights as [Tensor, Tensor, Tensor];
const first = convolution(x, w1, same);
const normed = relu(batchNorm(first, gamma, beta, 1e-5).result);
const second = relu(convolution(normed, w2, same));
const networks: Record<string, Tensor[]> = {
  'convolution, norm, ReLU, skip by addition': withGradients(add(second, normed), [x, w1, w2, gamma, beta]),
  'skip by concatenation, cut in blocks': withGradients(convolution(concat([second, normed], 1), w3, same), [
    x,
    w1,
    w2,
    w3,
  ]),
  'a part of the channels that is no whole block': withGradients(slice(second, 1, 3, 7), [x, w2]),
  'pooling, many pixels of a window equal': withGradients(
    relu(convolution(maxPool2(relu(add(second, mul(second, constant([0], []))))), w2, same)),
    [x, w1, w2],
  ),
  'pooling between': withGradients(relu(convolution(maxPool2(second), w2, same)), [x, w1, w2]),
  'the value before ReLU is needed, too': withGradients(add(relu(first), first), [x, w1]),
};

interface VolumeCase {
  readonly name: string;
  readonly image: Shape;
  readonly weights: Shape;
  readonly options: ConvolutionOptions;
}

const volumes: VolumeCase[] = [
  {
    name: '3 x 3 x 3, same, two blocks of channels',
    image: [1, 32, 10, 18, 20],
    weights: [16, 32, 3, 3, 3],
    options: { pads: [1, 1, 1, 1, 1, 1] },
  },
  {
    name: 'two volumes, no padding along the depth, strides in the plane',
    image: [2, 16, 6, 16, 17],
    weights: [32, 16, 3, 3, 3],
    options: { stride: [1, 2, 2], pads: [0, 1, 1, 0, 1, 1] },
  },
  {
    name: 'even, dilated and unevenly padded along the depth',
    image: [1, 16, 11, 17, 17],
    weights: [16, 16, 2, 3, 1],
    options: { pads: [2, 1, 0, 1, 0, 0], dilation: [3, 1, 1] },
  },
];

const volumeOutputs = volumes.map(({ image, weights: shape, options }) => {
  const v = input('v', image);
  const w = input('w', shape);
  const bias = input('bias', [shape[0]!]);
  const made = relu(convolution(v, w, { ...options, bias }));
  const gain = input('gain', [shape[0]!]);
  const scaled = mul(made, reshape(gain, [shape[0]!, 1, 1, 1]));
  const outputs = withGradients(add(scaled, made), [v, w, bias, gain]);
  return { sources: [v, w, bias, gain], outputs };
});

describe.skipIf(block === 1)('pooling in blocks of channels [needs a processor with AVX2]', () => {
  test.each([
    { shape: [2, channels, 40, 44], kernel: 2 },
    { shape: [1, 2 * channels, 10, 20, 22], kernel: 2 },
    { shape: [2, channels, 6, 18, 20], kernel: 2 },
  ])('of $shape: ties go to the first, as in the reference', async ({ shape, kernel }) => {
    const image = input('image', shape);
    const taps = shape.slice(2).map(() => 1);
    // The identity, so that the pooling's input lies in blocks; as a constant the engine would order it itself.
    const one = input('one', [shape[1]!, shape[1]!, ...taps.with(-1, 3)]);
    const identity = Float64Array.from({ length: shape[1]! ** 2 * 3 }, (_, i) => {
      const [k, c] = [Math.floor(i / 3 / shape[1]!), Math.floor(i / 3) % shape[1]!];
      return k === c && i % 3 === 1 ? 1 : 0;
    });
    const centre = taps.map((_, axis) => (axis === taps.length - 1 ? 1 : 0));
    const copy = convolution(image, one, { pads: [...centre, ...centre] });
    const outputs = withGradients(maxPool(copy, { kernel }), [image]);
    const random = testRandom(11);
    const steps = Float64Array.from({ length: sizeOf(shape) }, () => Math.floor(3 * random.uniform()));
    const feeds = new Map([
      [image, steps],
      [one, identity],
    ]);
    const model = buildModel({ name: 'm', outputs: { y: outputs[1]! }, channelBlock: block });
    expect(model.graph.nodes.some(({ type }) => type === 'Equal')).toBe(true);
    const expected = evaluate(outputs, feeds);
    const found = await runGraph(outputs, feeds, { channelBlock: block });
    for (const [k, numbers] of expected.entries()) {
      expect(relativeError(found[k]!, numbers)).toBeLessThan(1e-6);
    }
  });
});

test.skipIf(block === 1)(
  '[needs a processor with AVX2] a large transposition through blocks moves every number',
  async () => {
    const x = input('x', [130, 9, 29 * block]);
    const numbers = Float64Array.from({ length: sizeOf(x.shape) }, (_, i) => i);
    const turned = transpose(x, [0, 2, 1]);
    const model = buildModel({ name: 'm', outputs: { y: turned }, channelBlock: block });
    expect(model.graph.nodes.map(({ type }) => type)).toContain('ReorderInput');
    const feeds = new Map([[x, numbers]]);
    const [found] = await runGraph([turned], feeds, { channelBlock: block });
    expect(Float64Array.from(found!)).toEqual(evaluate([turned], feeds)[0]);
  },
);

describe.skipIf(block === 1)('volumes in blocks of channels [needs a processor with AVX2]', () => {
  test.each(volumes.map(({ name }, i) => [name, i] as const))(
    '%s: as the float64 reference',
    async (_, i) => {
      const { sources, outputs } = volumeOutputs[i]!;
      const feeds = new Map(sources.map((tensor, k) => [tensor, values(tensor.shape, k + 1)]));
      const expected = evaluate(outputs, feeds);
      const found = await runGraph(outputs, feeds, { channelBlock: block });
      for (const [k, numbers] of expected.entries()) {
        expect(relativeError(found[k]!, numbers)).toBeLessThan(5e-6);
      }
    },
  );
});

describe.skipIf(block === 1)('in blocks of channels [needs a processor with AVX2]', () => {
  test.each(Object.entries(networks))('%s: as the float64 reference', async (_, outputs) => {
    const sources = [x, ...weights, gamma, beta];
    const feeds = new Map(sources.map((tensor, i) => [tensor, values(tensor.shape, i + 1)]));
    const expected = evaluate(outputs, feeds);
    const found = await runGraph(outputs, feeds, { channelBlock: block });
    for (const [i, numbers] of expected.entries()) {
      expect(relativeError(found[i]!, numbers)).toBeLessThan(5e-6);
    }
  });
});

test('values stay in blocks between the operators of a network, and no further', () => {
  const outputs = Object.fromEntries([add(second, normed)].map((tensor) => ['y', tensor]));
  const types = buildModel({ name: 'm', outputs, channelBlock: 16 }).graph.nodes.map(({ type }) => type);
  expect(types.filter((type) => type === 'ReorderInput')).toHaveLength(1);
  expect(types.filter((type) => type === 'ReorderOutput')).toHaveLength(1);
});

test('a ReLU is fused into a convolution that nothing else needs', () => {
  const relus = (tensor: Tensor) =>
    buildModel({ name: 'm', outputs: { y: tensor }, channelBlock: 16 }).graph.nodes.filter(
      ({ type }) => type === 'Relu',
    );
  expect(relus(relu(first))).toHaveLength(0);
  expect(relus(add(relu(first), first))).toHaveLength(1);
});
