import { expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import type { Network } from '../models/network.ts';
import { patchCnn } from '../models/patch-cnn.ts';
import { resnet } from '../models/resnet.ts';
import { vgg } from '../models/vgg.ts';
import { createPredictor } from '../runtime/predictor.ts';
import { testRandom } from '../testing/numbers.ts';
import { declarationsOf } from '../training/declarations.ts';
import { exportModel } from '../training/export-model.ts';
import { initialWeights } from '../training/initialise.ts';
import { denseNetwork } from './dense-network.ts';
import { splitDense } from './split-dense.ts';

const classes = 2;

test.each([
  [patchCnn({ inputChannels: 1, classes, baseChannels: 4 }), 65, 'head', 32],
  [patchCnn({ inputChannels: 1, classes, baseChannels: 4 }), 65, 'stage3', 8],
  [resnet({ depth: 18, classes, stages: 2 }), 33, 'fc', 128],
  [vgg({ depth: 11, classes, inputChannels: 1, head: 'pooled' }), 33, 'classifier', 512],
] as [Network, number, string, number][])(
  'head of trunk is the whole: %o, patches of %i px, cut before %s',
  async (network, patch, first, channels) => {
    const size = [patch + 15, patch + 8];
    const shape = [1, network.inputChannels, ...size];
    const weights = initialWeights(network, declarationsOf(network), { random: testRandom(2) });
    const dense = denseNetwork(network, { patchSize: [patch, patch], outputStride: 4 });
    const places = network.parts!.flatMap((part) => part.places);
    const head = places.slice(places.indexOf(first));
    const isHead = (name: string) => head.some((place) => name.startsWith(`${place}.`));
    const split = splitDense(dense, isHead, shape);
    const run = async (part: Network, image: Float32Array, dims: readonly number[]) => {
      const model = exportModel({
        network: part,
        weights,
        imageShape: dims,
        size: dims.slice(2),
        activation: 'none',
      });
      const predictor = await createPredictor(model, { threads: 1 });
      const found = await predictor.run(image, dims);
      await predictor.close();
      return found;
    };
    const random = testRandom(4);
    const image = Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
    const whole = await run(dense, image.slice(), shape);
    const maps = await run(split.trunk, image, shape);
    expect(maps.dims[1]).toBe(channels);
    const found = await run(split.head, Float32Array.from(maps.data), maps.dims);
    expect(found.dims).toEqual(whole.dims);
    const largest = whole.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    for (const [i, value] of whole.data.entries()) {
      expect(Math.abs(found.data[i]! - value)).toBeLessThan(1e-5 * largest);
    }
  },
);

test('a network whose trunk passes on two values is refused', () => {
  const network = resnet({ depth: 18, classes, stages: 1 });
  const dense = denseNetwork(network, { patchSize: [33, 33], outputStride: 4 });
  const isHead = (name: string) => name.startsWith('fc.') || name.startsWith('layer1.1.conv2.');
  expect(() => splitDense(dense, isHead, [1, 3, 41, 41])).toThrow(/pass from the trunk/);
});
