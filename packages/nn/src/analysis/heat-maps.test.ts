import { describe, expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { relu } from '../layers/activation.ts';
import { conv } from '../layers/convolution.ts';
import { sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { scopeOf } from '../layers/scope.ts';
import { densenet40 } from '../models/cifar-densenet.ts';
import { defineNetwork, type Network } from '../models/network.ts';
import { patchCnn } from '../models/patch-cnn.ts';
import { resnet } from '../models/resnet.ts';
import { evaluate } from '../reference/evaluate.ts';
import { networkInputs } from '../testing/network-inputs.ts';
import { testRandom } from '../testing/numbers.ts';
import { randomWeights } from '../testing/random-weights.ts';
import { evaluateNetwork } from '../training/evaluate-network.ts';
import { inferenceScope } from '../training/scopes/inference-scope.ts';
import type { Weights } from '../training/weights.ts';
import { gradCam, gradCamGraph } from './grad-cam.ts';
import { type OcclusionOptions, occlude } from './occlusion.ts';
import { spreadMap } from './spread-map.ts';

const description = { task: 'classification', inputChannels: 1, classes: 2, divisor: 1 } as const;

describe('occlusion', () => {
  const side = 12;
  /** Looks at the upper left 4 x 4 pixels only: the logit of class 1 is their sum. */
  const corner: Network = defineNetwork(
    { ...description, name: 'corner', smallestSize: [side, side] },
    sequential({ flatten, head: linear(2) }),
  );
  const inCorner = (pixel: number) => pixel % side < 4 && Math.floor(pixel / side) < 4;
  const weights: Weights = {
    'head.weight': {
      shape: [2, side * side],
      values: Float32Array.from({ length: 2 * side * side }, (_, i) =>
        i >= side * side && inCorner(i - side * side) ? 1 : 0,
      ),
    },
    'head.bias': { shape: [2], values: Float32Array.of(0, -8) },
  };
  const run = async (images: Float32Array, dims: readonly number[]) => {
    const [count, ...one] = dims as [number, ...number[]];
    const length = images.length / count;
    const data = Array.from({ length: count }, (_, n) => {
      const image = images.slice(n * length, (n + 1) * length);
      return [...evaluateNetwork(corner, weights, image, [1, ...one])];
    }).flat();
    return { data, dims: [count, 2] };
  };
  const options: OcclusionOptions = { classIndex: 1, cover: [4, 4], step: [2, 2], fill: 0, batchSize: 7 };
  const image = new Float32Array(side * side).fill(1);
  const logistic = (x: number) => 1 / (1 + Math.exp(-x));

  test('a network that looks at one corner: only covers that reach it change the probability, by as much as they hide', async () => {
    const before = image.slice();
    const { probability, drops, covers } = await occlude(image, [side, side], options, run);
    expect(image).toEqual(before);
    expect(probability).toBeCloseTo(logistic(16 - 8), 6);
    expect(covers).toHaveLength(25);
    for (const { begin, probability: left } of covers) {
      const hidden = begin.map((first) => Math.max(0, 4 - first)).reduce((a, b) => a * b);
      expect(left).toBeCloseTo(logistic(16 - hidden - 8), 6);
    }
    // Pixel (0, 0) is hidden by the first cover only, (3, 3) by four.
    expect(drops[0]).toBeCloseTo(logistic(8) - logistic(-8), 6);
    const four = [16, 8, 8, 4].map((hidden) => logistic(8) - logistic(8 - hidden));
    expect(drops[3 * side + 3]).toBeCloseTo(four.reduce((a, b) => a + b) / 4, 6);
    expect(drops[11 * side + 11]).toBe(0);
    expect(drops.filter((drop, pixel) => drop > 0 && !inCorner(pixel)).length).toBeGreaterThan(0);
    expect(drops.indexOf(Math.max(...drops))).toBe(0);
  });

  test('steps that do not divide are made equal, and every pixel is covered', async () => {
    const { covers, drops } = await occlude(
      image,
      [side, side],
      { ...options, cover: [5, 3], step: [4, 3] },
      run,
    );
    expect([...new Set(covers.map(({ begin }) => begin[0]))]).toEqual([0, 4, 7]);
    expect([...new Set(covers.map(({ begin }) => begin[1]))]).toEqual([0, 3, 6, 9]);
    expect(drops.every(Number.isFinite)).toBe(true);
  });

  test('what cannot be covered is refused', async () => {
    const refused = (more: Partial<OcclusionOptions>) =>
      occlude(image, [side, side], { ...options, ...more }, run);
    await expect(refused({ cover: [13, 4] })).rejects.toThrow(/covers \[13, 4\].*within the image/);
    await expect(refused({ step: [0, 2] })).rejects.toThrow(/steps of \[0, 2\]/);
    await expect(refused({ step: [5, 2] })).rejects.toThrow(/steps within the cover/);
    await expect(refused({ classIndex: 2 })).rejects.toThrow(/class 2, but there are 2/);
    await expect(occlude(image, [7, 7], options, run)).rejects.toThrow(/144 numbers are no channels/);
  });
});

describe('Grad-CAM', () => {
  const weightsOf = (network: Network, shape: readonly number[]): Weights => {
    const declared = networkInputs('evaluation');
    network.forward(scopeOf(declared.source), input('image', shape));
    return randomWeights(declared, 5);
  };

  test('means under a linear layer: the maps times its weights, over the number of positions', async () => {
    const network = defineNetwork(
      { ...description, name: 'means', smallestSize: [6, 6] },
      sequential({
        maps: conv(2, { kernel: 3, padding: 'valid' }),
        relu,
        average: globalAveragePool,
        flatten,
        head: linear(2),
      }),
    );
    const weights: Weights = {
      // The first map is the pixel in the middle, the second its negative.
      'maps.weight': {
        shape: [2, 1, 3, 3],
        values: Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0),
      },
      'maps.bias': { shape: [2], values: Float32Array.of(0, 0) },
      'head.weight': { shape: [2, 2], values: Float32Array.of(1, 0, 3, 5) },
      'head.bias': { shape: [2], values: Float32Array.of(0.5, 0) },
    };
    // Bright at (1, 1), dark at (3, 4).
    const image = new Float32Array(36);
    image[7] = 2;
    image[3 * 6 + 4] = -1;
    const found = await gradCam(network, weights, image, [6, 6], { classIndex: 1, threads: 1 });
    expect(found.size).toEqual([4, 4]);
    expect(found.centres).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    const expected = new Float32Array(16);
    expected[0] = ((3 - 1) * 2) / 16;
    expected[2 * 4 + 3] = ((5 - 0) * 1) / 16;
    for (const [at, value] of expected.entries()) expect(found.values[at]).toBeCloseTo(value, 6);
    const margin = (6 + 5) / 16 - 2 / 16 - 0.5;
    expect(found.probabilities[1]).toBeCloseTo(1 / (1 + Math.exp(-margin)), 6);
    // Against the class: nothing speaks for class 0 but what weighs more in it.
    const other = await gradCam(network, weights, image, [6, 6], { classIndex: 0, threads: 1 });
    expect([...other.values]).toEqual(new Array(16).fill(0));
  });

  const networks: { network: Network; size: number; positions: number; classIndex: number }[] = [
    {
      network: patchCnn({ inputChannels: 2, classes: 3, baseChannels: 4 }),
      size: 65,
      positions: 4,
      classIndex: 1,
    },
    {
      network: resnet({ depth: 18, classes: 3, inputChannels: 1, stages: 2 }),
      size: 33,
      positions: 5,
      classIndex: 1,
    },
    {
      network: densenet40({ classes: 2, inputChannels: 1, form: 'fast' }),
      size: 20,
      positions: 5,
      classIndex: 0,
    },
  ];
  test.each(networks)(
    '$network.name: the engine gives the float64 map',
    async ({ network, size, positions, classIndex }) => {
      const shape = [1, network.inputChannels, size, size];
      const weights = weightsOf(network, shape);
      const random = testRandom(2);
      const image = Float32Array.from({ length: network.inputChannels * size * size }, () => random.normal());
      const found = await gradCam(network, weights, image, [size, size], { classIndex, threads: 1 });
      expect(found.size).toEqual([positions, positions]);
      const source = input('image', shape);
      const logits = network.forward(scopeOf(inferenceScope(weights, { folded: false })), source);
      const [expected] = evaluate([gradCamGraph(logits, source, classIndex).map], new Map([[source, image]]));
      const largest = Math.max(...expected!);
      expect(largest).toBeGreaterThan(0);
      for (const [at, value] of expected!.entries()) {
        expect(Math.abs(found.values[at]! - value)).toBeLessThan(1e-4 * largest);
      }
      // Positions lie evenly, around the middle of the image or a little before it.
      const [rows] = found.centres as [number[]];
      expect(Math.abs((rows[0]! + rows.at(-1)!) / 2 - (size - 1) / 2)).toBeLessThan(4.1);
    },
  );

  test('what has no maps, or no such class, is refused', async () => {
    const flat = defineNetwork(
      { ...description, name: 'flat', smallestSize: [4, 4] },
      sequential({ pool: maxPool({ kernel: 4 }), flatten, head: linear(2) }),
    );
    const weights = weightsOf(flat, [1, 1, 4, 4]);
    const image = new Float32Array(16);
    await expect(gradCam(flat, weights, image, [4, 4], { classIndex: 1 })).rejects.toThrow(
      /no layer has more than one/,
    );
    await expect(gradCam(flat, weights, image, [4, 4], { classIndex: 2 })).rejects.toThrow(
      /class 2 of logits \[1, 2\]/,
    );
    await expect(gradCam(flat, weights, image, [5, 4], { classIndex: 1 })).rejects.toThrow(
      /16 numbers do not fill/,
    );
  });
});

describe('spreadMap', () => {
  test('linear between centres, level beyond them', () => {
    const found = spreadMap(
      [0, 4, 8, 12],
      [
        [1, 3],
        [-0.5, 3.5],
      ],
      [5, 5],
    );
    expect(found[5]).toBeCloseTo(0.5, 6);
    expect(found[5 + 3]).toBeCloseTo(3.5, 6);
    expect(found[2 * 5 + 3]).toBeCloseTo(7.5, 6);
    expect(found.subarray(0, 5)).toEqual(found.subarray(5, 10));
    expect(found.subarray(15, 20)).toEqual(found.subarray(20, 25));
  });

  test('one position is level, and sizes must fit', () => {
    expect([...spreadMap([3], [[2]], [4])]).toEqual([3, 3, 3, 3]);
    expect([...spreadMap([1, 2, 5], [[0, 2, 3]], [4])]).toEqual([1, 1.5, 2, 5]);
    expect(() => spreadMap([1, 2], [[0, 1, 2]], [4])).toThrow(/2 values on 3 centres/);
  });
});
