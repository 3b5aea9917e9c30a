import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../testing/shared-data.ts';
import { foldConstants } from '../graph/fold-constants.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { softmax } from '../operators/softmax.ts';
import { evaluate } from '../reference/evaluate.ts';
import { relativeError } from '../testing/numbers.ts';
import {
  centreCrop,
  centreSquare,
  imageNet,
  normalise,
  type Picture,
  readBmp,
  resizePicture,
} from '../testing/pictures.ts';
import { runGraph } from '../testing/run-graph.ts';
import { declarationsOf, statisticsOf } from '../training/declarations.ts';
import { evaluateNetwork } from '../training/evaluate-network.ts';
import { inferenceScope } from '../training/scopes/inference-scope.ts';
import type { Weights } from '../training/weights.ts';
import { fileSource } from '../weights/byte-source.ts';
import { loadWeightsFrom } from '../weights/mapping/load-weights.ts';
import { openWeightFile } from '../weights/open-weight-file.ts';
import { densenet40 } from './cifar-densenet.ts';
import { resnet20 } from './cifar-resnet.ts';
import { encoderUNet } from './encoder-unet.ts';
import { defineNetwork, type Network } from './network.ts';
import { resnetEncoder } from './resnet.ts';
import { squeezenet } from './squeezenet.ts';

/** The weights of a network, all of them from a file of shared/weights. */
async function load(network: Network, file: string, skip: readonly string[] = []): Promise<Weights> {
  const { parameters, norms } = declarationsOf(network);
  const wanted = [...parameters, ...statisticsOf(norms)];
  const opened = await openWeightFile(await fileSource(sharedPath('weights', file)));
  const { values } = await loadWeightsFrom(opened, wanted, { strict: true, skip });
  await opened.close();
  return Object.fromEntries(wanted.map(({ name, shape }) => [name, { shape, values: values[name]! }]));
}

/** Probabilities of one image from ONNX Runtime and from the float64 reference, which must agree. */
async function classify(network: Network, file: string, size: number, pixels: Float32Array) {
  const weights = await load(network, file);
  const shape = [1, 3, size, size];
  const image = input('image', shape);
  const logits = network.forward(scopeOf(inferenceScope(weights, { folded: true })), image);
  const [found] = await runGraph(foldConstants([softmax(logits, 1)]), new Map([[image, pixels]]));
  expect(relativeError(found!, evaluateNetwork(network, weights, pixels, shape))).toBeLessThan(1e-5);
  return found!;
}

function picture(name: string): Picture {
  return readBmp(sharedPath('weights', 'pictures', `${name}.bmp`));
}

const cifarClasses = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

describe.skipIf(!hasSharedWeights)('pretrained networks', () => {
  const animals = ['cat', 'dog', 'bird'] as const;

  test.each(
    animals.flatMap((animal) =>
      ['resnet20_cifar10.safetensors', 'resnet20-12fca82f.th'].map((file) => ({ animal, file })),
    ),
  )(realWeights('ResNet20 of $file sees the $animal'), async ({ animal, file }) => {
    const small = resizePicture(centreSquare(picture(animal)), 32, 32);
    const pixels = normalise(small, 255, imageNet.mean, imageNet.deviation);
    const probabilities = await classify(resnet20({ classes: 10 }), file, 32, pixels);
    expect(probabilities[cifarClasses.indexOf(animal)]).toBeGreaterThan(0.99);
  });

  // The bird is nearly taken for an airplane.
  test.each([
    { animal: 'cat', least: 0.99 },
    { animal: 'dog', least: 0.97 },
    { animal: 'bird', least: 0.55 },
  ] as const)(realWeights('DenseNet-40-12 sees the $animal'), async ({ animal, least }) => {
    const small = resizePicture(centreSquare(picture(animal)), 32, 32);
    const network = densenet40({ classes: 10, form: 'fast' });
    const pixels = normalise(small, 1, [0, 0, 0], [1, 1, 1]);
    const probabilities = await classify(network, 'densenet40_12_cifar10.safetensors', 32, pixels);
    expect(probabilities[cifarClasses.indexOf(animal)]).toBeGreaterThan(least);
  });

  test.each([
    { animal: 'cat', names: ['tiger cat', 'Egyptian cat', 'tabby, tabby cat'], least: 0.99 },
    { animal: 'dog', names: ['Samoyed, Samoyede'], least: 0.7 },
    { animal: 'bird', names: ['chickadee'], least: 0.99 },
  ] as const)(realWeights('SqueezeNet sees the $animal'), async ({ animal, names, least }) => {
    const found = picture(animal);
    const scale = 256 / Math.min(found.width, found.height);
    const resized = resizePicture(found, Math.round(found.width * scale), Math.round(found.height * scale));
    const pixels = normalise(centreCrop(resized, 227, 227), 1, [123, 117, 104], [1, 1, 1]);
    const file = 'squeezenet1_0_deepcompression_imagenet.safetensors';
    const probabilities = await classify(squeezenet({ classes: 1000 }), file, 227, pixels);
    const labels = readFileSync(sharedPath('weights', 'pictures', 'imagenet_labels.txt'), 'utf8').split('\n');
    // The first label is that of the background, which these weights do not know.
    const together = names.reduce((sum, name) => sum + probabilities[labels.indexOf(name) - 1]!, 0);
    expect(together).toBeGreaterThan(least);
  });

  test(
    realWeights("ResNet18's feature maps equal the float64 reference, from the stem to layer3"),
    async () => {
      const encoder = resnetEncoder({ depth: 18, stages: 3 });
      // The maps as a network, for what loads weights.
      const network = defineNetwork(
        {
          name: 'resnet18 to layer3',
          task: 'segmentation',
          inputChannels: 3,
          classes: 256,
          smallestSize: [16, 16],
          divisor: 16,
        },
        (scope, image) => encoder.forward(scope, image).at(-1)!,
      );
      const file = 'resnet18_tv_imagenet_os16_foldedbn.safetensors';
      const weights = await load(network, file, ['fc']);
      const square = resizePicture(centreSquare(picture('cat')), 224, 224);
      const pixels = normalise(square, 255, imageNet.mean, imageNet.deviation);
      const image = input('image', [1, 3, 224, 224]);
      const feeds = new Map([[image, pixels]]);
      const mapsOf = (folded: boolean) =>
        encoder.forward(scopeOf(inferenceScope(weights, { folded })), image);
      const exact = evaluate(mapsOf(false), feeds);
      const maps = foldConstants(mapsOf(true));
      const found = await runGraph(maps, feeds);
      expect(maps.map(({ shape }) => shape)).toEqual([
        [1, 64, 112, 112],
        [1, 64, 56, 56],
        [1, 128, 28, 28],
        [1, 256, 14, 14],
      ]);
      for (const [i, values] of exact.entries()) expect(relativeError(found[i]!, values)).toBeLessThan(1e-4);
    },
  );

  test(
    realWeights('the encoder of a U-Net takes all of ResNet18 that there is, and nothing else is missing'),
    async () => {
      const network = encoderUNet({ encoder: { kind: 'resnet', depth: 18, stages: 3 }, classes: 2 });
      const { parameters, norms } = declarationsOf(network);
      const wanted = [...parameters, ...statisticsOf(norms)];
      const file = sharedPath('weights', 'resnet18_tv_imagenet_os16_foldedbn.safetensors');
      const opened = await openWeightFile(await fileSource(file));
      const { report } = await loadWeightsFrom(opened, wanted, { skip: ['fc'] });
      const inFile = opened.arrays.filter(({ name }) => !name.startsWith('fc.'));
      await opened.close();
      expect(report.loaded).toHaveLength(inFile.length);
      const ofDecoder = /^(?:up|decoder)\d\.|^head\./;
      expect(report.missing.filter(({ name }) => !ofDecoder.test(name))).toEqual([]);
    },
  );
});
