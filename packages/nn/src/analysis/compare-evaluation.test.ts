import { expect, test } from 'vitest';
import { patchCnn } from '../models/patch-cnn.ts';
import { vgg } from '../models/vgg.ts';
import { compareEvaluation } from './compare-evaluation.ts';

const slice = { patchSize: [257, 257], imageSize: [768, 768], outputStride: 8 };

test('VGG16 on a slice of 512 x 512 padded by 128: hundreds of times fewer multiply-adds', () => {
  const pooled = compareEvaluation(vgg({ depth: 16, classes: 2, head: 'pooled' }), slice);
  expect(pooled.positions).toEqual([64, 64]);
  expect(pooled.ratio).toBeGreaterThan(300);
  // The first convolution, by hand: 3 to 64 channels, 9 taps.
  expect(pooled.layers[0]).toEqual({
    name: 'features.0',
    patchwise: 4096 * 257 ** 2 * 27 * 64,
    dense: 768 ** 2 * 27 * 64,
  });
  // The last one sees pixels 8 apart, 96 x 96 of them, where a patch has 16 x 16.
  expect(pooled.layers.find(({ name }) => name === 'features.28')).toEqual({
    name: 'features.28',
    patchwise: 4096 * 16 ** 2 * 9 * 512 * 512,
    dense: 95 ** 2 * 9 * 512 * 512,
  });
  expect(pooled.patchwise.perPixel).toBeCloseTo(pooled.patchwise.multiplyAdds / 512 ** 2, 3);
  expect(compareEvaluation(vgg({ depth: 16, classes: 2 }), slice).ratio).toBeGreaterThan(90);
});

test('a stride that no pooling divides costs the most', () => {
  const network = patchCnn({ inputChannels: 1, classes: 2 });
  const at = (outputStride: number) =>
    compareEvaluation(network, { patchSize: [65, 65], imageSize: [200, 200], outputStride }).dense!;
  expect(at(7).multiplyAdds).toBeGreaterThan(4 * at(4).multiplyAdds);
});

test('patches larger than the image are refused', () => {
  const network = patchCnn({ inputChannels: 1, classes: 2 });
  expect(() =>
    compareEvaluation(network, { patchSize: [65, 65], imageSize: [64, 200], outputStride: 4 }),
  ).toThrow(/a patch of 65 x 65 does not fit into an image of 64 x 200/);
});
