import { describe, expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import type { Network } from '../models/network.ts';
import { patchCnn } from '../models/patch-cnn.ts';
import { unet2d } from '../models/unet-2d.ts';
import { vgg } from '../models/vgg.ts';
import { createPredictor } from '../runtime/predictor.ts';
import { testRandom } from '../testing/numbers.ts';
import { declarationsOf } from '../training/declarations.ts';
import { exportModel } from '../training/export-model.ts';
import { initialWeights } from '../training/initialise.ts';
import { segmentation } from '../training/segmentation.ts';
import { createTrainer } from '../training/trainer.ts';
import { denseNetwork } from './dense-network.ts';

interface Case {
  readonly network: Network;
  readonly patch: readonly [number, number];
  readonly image: readonly [number, number];
  readonly outputStride: number;
}

const small = patchCnn({ inputChannels: 2, classes: 3 });
const even = patchCnn({ inputChannels: 2, classes: 3, pools: [2, 2, 2] });
const cases: Case[] = [
  { network: small, patch: [65, 65], image: [81, 77], outputStride: 4 },
  { network: small, patch: [68, 66], image: [74, 71], outputStride: 3 },
  { network: even, patch: [60, 61], image: [84, 69], outputStride: 8 },
  {
    network: vgg({ depth: 11, classes: 2, padding: 'valid', head: 'pooled' }),
    patch: [151, 150],
    image: [167, 182],
    outputStride: 16,
  },
];

describe.each(cases)(
  '$network.name, $patch in $image at stride $outputStride',
  ({ network, patch, image, outputStride }) => {
    test('exported, all windows at once give the logits of window by window', async () => {
      const random = testRandom(3);
      const weights = initialWeights(network, declarationsOf(network), { random });
      for (const [name, { values }] of Object.entries(weights)) {
        // Norms of a trained network: means and variances of their own.
        if (name.endsWith('running_mean')) values.set(values.map(() => 0.2 * random.normal()));
        if (name.endsWith('running_var')) values.set(values.map(() => 0.5 + random.uniform()));
      }
      const channels = network.inputChannels;
      const open = (model: Network, size: readonly number[]) =>
        createPredictor(
          exportModel({
            network: model,
            weights,
            imageShape: [1, channels, ...size],
            activation: 'none',
            size,
          }),
        );
      const dense = await open(denseNetwork(network, { patchSize: patch, outputStride }), image);
      const single = await open(network, patch);
      const pixels = Float32Array.from({ length: channels * sizeOf(image) }, () => random.normal());
      const { data, dims } = await dense.run(pixels.slice(), [1, channels, ...image]);
      const [, classes, rows, columns] = dims as [number, number, number, number];
      expect([rows, columns]).toEqual(
        image.map((size, axis) => Math.floor((size - patch[axis]!) / outputStride) + 1),
      );
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const cut = new Float32Array(channels * sizeOf(patch));
          for (let c = 0; c < channels; c++) {
            for (let y = 0; y < patch[0]; y++) {
              const from = (c * image[0] + i * outputStride + y) * image[1] + j * outputStride;
              cut.set(pixels.subarray(from, from + patch[1]), (c * patch[0] + y) * patch[1]);
            }
          }
          const one = await single.run(cut, [1, channels, ...patch]);
          for (let k = 0; k < classes; k++) {
            expect(Math.abs(data[(k * rows + i) * columns + j]! - one.data[k]!)).toBeLessThan(1e-4 * largest);
          }
        }
      }
      await dense.close();
      await single.close();
    });
  },
);

test('parameters of the small network, and who cannot judge patches', () => {
  expect(declarationsOf(small).parameterCount).toBeLessThan(500_000);
  expect(() => denseNetwork(small, { patchSize: [20, 65], outputStride: 4 })).toThrow(
    /does not judge patches of \[20, 65\]/,
  );
  const unet = unet2d({
    inputChannels: 1,
    classes: 2,
    baseChannels: 4,
    maxChannels: 8,
    levels: 2,
    convolutionsPerLevel: 1,
  });
  expect(() => denseNetwork(unet, { patchSize: [64, 64], outputStride: 4 })).toThrow(/segmentation/);
});

test('the head is trained in the dense form: from targets of all windows, with frozen layers before it', async () => {
  const classifier = patchCnn({ inputChannels: 1, classes: 2, baseChannels: 4, dropout: 0 });
  const [patch, side, stride] = [65, 81, 4];
  const network = denseNetwork(classifier, { patchSize: [patch, patch], outputStride: stride });
  const random = testRandom(5);
  const windows = (side - patch) / stride + 1;
  // The left windows are brighter in their middle than the right ones.
  const image = Float32Array.from(
    { length: side * side },
    (_, i) => (i % side < side / 2 ? 1 : -1) + 0.2 * random.normal(),
  );
  const targets = Uint8Array.from({ length: windows * windows }, (_, i) =>
    i % windows < windows / 2 ? 1 : 0,
  );
  const initial = initialWeights(classifier, declarationsOf(classifier), { random });
  const trainer = await createTrainer({
    network,
    imageShape: [1, 1, side, side],
    loss: segmentation({ crossEntropyWeight: 1, diceWeight: 0, classWeights: [1, 1] }),
    optimiser: { name: 'adam' },
    groups: [{ names: ['stage1', 'stage2', 'stage3', 'last'], frozen: true }],
    initial,
    random,
    threads: 1,
  });
  try {
    const losses: number[] = [];
    for (let step = 0; step < 40; step++) {
      losses.push(
        (await trainer.step({ images: image.slice(), targets: targets.slice(), learningRate: 0.02 })).loss,
      );
    }
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
    const weights = await trainer.weights({ averaged: false });
    expect(weights['stage1.first.conv.weight']!.values).toEqual(initial['stage1.first.conv.weight']!.values);
    expect(weights['head.weight']!.values).not.toEqual(initial['head.weight']!.values);
    // The same weights judge single patches.
    const model = { network: classifier, weights, imageShape: [1, 1, patch, patch] };
    const single = await createPredictor(exportModel(model), { threads: 1 });
    const lesion = async (left: number) => {
      const cut = Float32Array.from({ length: patch * patch }, (_, i) => {
        return image[Math.floor(i / patch) * side + left + (i % patch)]!;
      });
      return (await single.run(cut, [1, 1, patch, patch])).data[1]!;
    };
    expect(await lesion(0)).toBeGreaterThan(0.6);
    expect(await lesion(side - patch)).toBeLessThan(0.4);
    await single.close();
  } finally {
    await trainer.close();
  }
});
