import { describe, expect, test } from 'vitest';
import { densenet } from '../models/densenet.ts';
import type { Network } from '../models/network.ts';
import { patchCnn } from '../models/patch-cnn.ts';
import { resnet } from '../models/resnet.ts';
import { unet2d } from '../models/unet-2d.ts';
import { vgg } from '../models/vgg.ts';
import { declarationsOf } from '../training/declarations.ts';
import { describeNetwork } from './describe-network.ts';

const classes = 1000;

/**
 * Receptive fields of the last map: by hand, size + (kernel - 1) x stride before it, layer by layer (VGG16: 212;
 * ResNet18: 435; ResNet50, striding in its 3 x 3 convolutions: 427). Multiply-adds at 224 x 224 as fvcore and
 * torchvision's tables give them.
 */
const published: { network: Network; field: number; stride: number; multiplyAdds: number }[] = [
  { network: vgg({ depth: 11, classes }), field: 150, stride: 32, multiplyAdds: 7.61e9 },
  { network: vgg({ depth: 16, classes }), field: 212, stride: 32, multiplyAdds: 15.47e9 },
  { network: resnet({ depth: 18, classes }), field: 435, stride: 32, multiplyAdds: 1.81e9 },
  { network: resnet({ depth: 50, classes }), field: 427, stride: 32, multiplyAdds: 4.09e9 },
  { network: densenet({ depth: 121, classes }), field: 2071, stride: 32, multiplyAdds: 2.83e9 },
];

describe.each(published)('$network.name', ({ network, field, stride, multiplyAdds }) => {
  const analysis = describeNetwork(network, [224, 224]);

  test('has the published field, stride and multiply-adds', () => {
    for (const axis of analysis.lastMap.field) {
      expect(axis.size).toBe(field);
      expect(axis.stride).toBe(stride);
    }
    expect(analysis.lastMap.shape.slice(2)).toEqual([7, 7]);
    expect(Math.abs(analysis.multiplyAdds / multiplyAdds - 1)).toBeLessThan(0.005);
  });

  test('every parameter belongs to one layer', () => {
    const { parameterCount } = declarationsOf(network, [1, 3, 224, 224]);
    expect(analysis.parameters).toBe(parameterCount);
  });
});

test('layers of the small patch classifier, by hand', () => {
  const { layers } = describeNetwork(patchCnn({ inputChannels: 1, classes: 2 }), [65, 65]);
  const rows = layers
    .filter(({ kind }) => kind !== 'norm')
    .map(({ name, shape, field: [axis], parameters, multiplyAdds }) => [
      name,
      shape[1],
      shape[2],
      axis!.size,
      axis!.stride,
      parameters,
      multiplyAdds,
    ]);
  expect(rows).toEqual([
    ['stage1.first.conv', 16, 63, 3, 1, 9 * 16, 63 ** 2 * 9 * 16],
    ['stage1.second.conv', 16, 61, 5, 1, 9 * 16 * 16, 61 ** 2 * 9 * 16 * 16],
    ['', 16, 30, 7, 2, 0, 0],
    ['stage2.first.conv', 32, 28, 11, 2, 9 * 16 * 32, 28 ** 2 * 9 * 16 * 32],
    ['stage2.second.conv', 32, 26, 15, 2, 9 * 32 * 32, 26 ** 2 * 9 * 32 * 32],
    ['', 32, 13, 17, 4, 0, 0],
    ['stage3.first.conv', 64, 11, 25, 4, 9 * 32 * 64, 11 ** 2 * 9 * 32 * 64],
    ['stage3.second.conv', 64, 9, 33, 4, 9 * 64 * 64, 9 ** 2 * 9 * 64 * 64],
    ['', 64, 4, 41, 8, 0, 0],
    ['last.conv', 128, 1, 65, 8, 16 * 64 * 128, 16 * 64 * 128],
    ['', 128, 1, 65, null, 0, 0],
    ['head', 2, undefined, 65, null, 2 * 128 + 2, 2 * 128],
  ]);
  const norms = layers.filter(({ kind }) => kind === 'norm').map(({ parameters }) => parameters);
  expect(norms).toEqual([32, 32, 64, 64, 128, 128, 256]);
});

test('a U-Net has a field around every pixel, and joins of the two ways', () => {
  const network = unet2d({
    inputChannels: 1,
    classes: 3,
    baseChannels: 4,
    maxChannels: 16,
    levels: 3,
    convolutionsPerLevel: 1,
  });
  const analysis = describeNetwork(network, [64, 64]);
  expect(analysis.parameters).toBe(declarationsOf(network).parameterCount);
  const last = analysis.layers.at(-1)!;
  expect(last.shape).toEqual([1, 3, 64, 64]);
  expect(last.field[0]!.stride).toBe(1);
  expect(last.field[0]!.size).toBeGreaterThan(20);
  expect(analysis.layers.filter(({ kind }) => kind === 'concatenation')).toHaveLength(2);
});
