import { describe, expect, test } from 'vitest';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant } from '../graph/tensor.ts';
import { relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { adaptiveAveragePool, flatten } from '../layers/pooling.ts';
import { resnet20 } from '../models/cifar-resnet.ts';
import { defineNetwork, type Network, outputShape } from '../models/network.ts';
import { unet2d } from '../models/unet-2d.ts';
import { unet3d } from '../models/unet-3d.ts';
import { readModel } from '../onnx/read-model.ts';
import { add } from '../operators/elementwise.ts';
import { createPredictor } from '../runtime/predictor.ts';
import { randomValues } from '../testing/check-operator.ts';
import { testRandom } from '../testing/numbers.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import type { Activation } from './activation.ts';
import { declarationsOf } from './declarations.ts';
import { evaluateNetwork } from './evaluate-network.ts';
import { exportModel } from './export-model.ts';
import { initialWeights } from './initialise.ts';
import { namedWeights } from './named-weights.ts';
import type { Weights } from './weights.ts';

/** Drawn parameters, and norms whose every number matters. */
function weightsOf(network: Network, imageShape: Shape): Weights {
  const weights = initialWeights(network, declarationsOf(network, imageShape), { random: testRandom(5) });
  let seed = 100;
  for (const { shape, values } of Object.values(weights)) {
    if (shape.length === 1) values.set(randomValues(shape, seed++, (normal) => 1 + 0.3 * Math.abs(normal)));
  }
  return weights;
}

async function compare(
  model: Uint8Array,
  network: Network,
  weights: Weights,
  dims: Shape,
  activation: Activation,
) {
  const image = Float32Array.from(randomValues(dims, 8));
  const expected = evaluateNetwork(network, weights, image, dims, activation);
  const predictor = await createPredictor(model, { threads: 1 });
  const { data, dims: found } = await predictor.run(image.slice(), dims);
  await predictor.close();
  expect(found).toEqual(outputShape(network, dims));
  const errors = expected.map((value, i) => Math.abs(data[i]! - value) / Math.max(1, Math.abs(value)));
  expect(Math.max(...errors)).toBeLessThan(1e-5);
  return data;
}

test('named: the same numbers come back from the file, and the model still equals float64 evaluation', async () => {
  const network = tinyClassifier();
  const imageShape = [4, 2, 8, 10];
  const weights = weightsOf(network, imageShape);
  const model = exportModel({ network, weights, imageShape, named: true });
  await compare(model, network, weights, [2, 2, 8, 10], 'softmax');
  const found = namedWeights(model);
  for (const [name, { shape, values }] of Object.entries(weights)) {
    expect(found[name]?.shape, name).toEqual(shape);
    expect([...found[name]!.values], name).toEqual([...values]);
  }
  expect(Object.keys(namedWeights(exportModel({ network, weights, imageShape })))).not.toContain(
    Object.keys(weights)[0],
  );
});

describe('a classifier, exported, equals float64 evaluation', () => {
  const network = tinyClassifier();
  const imageShape = [4, 2, 8, 10];
  const weights = weightsOf(network, imageShape);

  test.each(['softmax', 'sigmoid', 'none'] as const)('%s, for any number of images', async (activation) => {
    const model = exportModel({ network, weights, imageShape, activation, metadata: { a: 'b' } });
    for (const n of [1, 3]) await compare(model, network, weights, [n, 2, 8, 10], activation);
    // Two convolutions and nothing of the norms behind them, in standard operators.
    const { graph, opsets } = readModel(model);
    const types = graph.nodes.map(({ type }) => type);
    expect(types.slice(0, 5)).toEqual(['Conv', 'Relu', 'MaxPool', 'Conv', 'Relu']);
    expect(Object.keys(opsets)).toEqual(['']);
  });

  test('at another size than it was trained with, where no linear layer depends on it', async () => {
    const pooled = resnet20({ classes: 5 });
    const known = weightsOf(pooled, [1, 3, 16, 16]);
    const model = exportModel({
      network: pooled,
      weights: known,
      imageShape: [8, 3, 16, 16],
      size: [12, 14],
    });
    await compare(model, pooled, known, [2, 3, 12, 14], 'softmax');
  });

  test('at any size, where the graph does not depend on it', async () => {
    const pooled = resnet20({ classes: 5 });
    const source = { network: pooled, imageShape: [8, 3, 16, 16], size: 'open' } as const;
    const known = weightsOf(pooled, source.imageShape);
    const model = exportModel({ ...source, weights: known });
    for (const dims of [
      [1, 3, 10, 10],
      [2, 3, 12, 14],
    ]) {
      await compare(model, pooled, known, dims, 'softmax');
    }
    const placed = defineNetwork(
      {
        name: 'placed',
        task: 'segmentation',
        inputChannels: 1,
        classes: 1,
        smallestSize: [2, 2],
        divisor: 1,
      },
      (_, x) => add(x, constant(new Float32Array(sizeOf(x.shape.slice(2))).fill(1), x.shape.slice(2))),
    );
    const shape = [1, 1, 4, 4];
    expect(() => exportModel({ network: placed, weights: {}, imageShape: shape })).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringMatching(/depends on the size/) }),
    );
    exportModel({ network: placed, weights: {}, imageShape: shape, size: [4, 4] });
  });

  test('weights of another size are refused by name', () => {
    expect(() => exportModel({ network, weights, imageShape, size: [8, 8] })).toThrow(
      expect.objectContaining({
        code: 'state-mismatch',
        message: expect.stringMatching(/'fc\.weight' \[3, 32\].*\[3, 48\]/),
      }),
    );
    const { 'conv2.bias': _, ...rest } = weights;
    expect(() => exportModel({ network, weights: rest, imageShape })).toThrow(
      /'conv2\.bias' \[8\]; the weights have no/,
    );
  });
});

describe('a segmentation, exported, equals float64 evaluation at any size', () => {
  const small = {
    inputChannels: 2,
    classes: 3,
    baseChannels: 4,
    maxChannels: 8,
    levels: 2,
    convolutionsPerLevel: 2,
  };
  test.each([
    {
      network: unet2d(small),
      sizes: [
        [6, 10],
        [12, 8],
      ],
    },
    {
      network: unet2d({ ...small, norm: 'instance', block: 'residual', activation: 'leakyRelu' }),
      sizes: [
        [6, 10],
        [12, 8],
      ],
    },
    {
      network: unet2d({ ...small, padding: 'valid' }),
      sizes: [
        [18, 18],
        [22, 28],
      ],
    },
    {
      network: unet3d(small),
      sizes: [
        [4, 6, 8],
        [8, 4, 4],
      ],
    },
    { network: unet3d({ ...small, norm: 'instance' }), sizes: [[4, 6, 8]] },
  ])('$network.name', async ({ network, sizes }) => {
    const imageShape = [2, 2, ...sizes[0]!];
    const weights = weightsOf(network, imageShape);
    const model = exportModel({ network, weights, imageShape });
    for (const [n, size] of sizes.entries())
      await compare(model, network, weights, [n + 1, 2, ...size], 'softmax');
    const fixed = exportModel({ network, weights, imageShape, size: sizes[0]! });
    await compare(fixed, network, weights, [2, 2, ...sizes[0]!], 'softmax');
  });
});

test('means over uneven bins leave the number of images open', async () => {
  const network = defineNetwork(
    { name: 'bins', task: 'classification', inputChannels: 2, classes: 2, smallestSize: [1, 1], divisor: 1 },
    sequential({ pool: adaptiveAveragePool([3, 7]), flatten, head: linear(2) }),
  );
  const imageShape = [1, 2, 8, 10];
  const weights = weightsOf(network, imageShape);
  const model = exportModel({ network, weights, imageShape, activation: 'none' });
  await compare(model, network, weights, [3, 2, 8, 10], 'none');
});

test('norms of volumes are folded into their convolutions, grouped ones too', () => {
  const network = defineNetwork(
    {
      name: 'grouped',
      task: 'segmentation',
      inputChannels: 2,
      classes: 2,
      smallestSize: [1, 1, 1],
      divisor: 1,
    },
    sequential({
      conv: conv(4, { kernel: 3, groups: 2, bias: false }),
      bn: batchNorm(),
      relu,
      head: conv(2, { kernel: 1 }),
    }),
  );
  const imageShape = [1, 2, 3, 4, 5];
  const weights = weightsOf(network, imageShape);
  const { graph } = readModel(exportModel({ network, weights, imageShape, activation: 'none' }));
  expect(graph.nodes.map(({ type }) => type)).toEqual(['Conv', 'Relu', 'Conv']);
});
