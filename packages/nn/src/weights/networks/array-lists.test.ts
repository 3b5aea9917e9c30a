import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../../testing/shared-data.ts';
import { sizeOf } from '../../graph/shape.ts';
import type { NamedShape } from '../mapping/plan-load.ts';
import { readSafetensors } from '../safetensors.ts';
import { densenetArrays, resnet20Arrays, resnetArrays, squeezenetArrays, vggArrays } from './array-lists.ts';

/** What is trained: running statistics are not. */
function parameterCount(arrays: readonly NamedShape[]): number {
  return arrays
    .filter(({ name }) => !name.includes('running_'))
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

test.each([
  ['VGG11', vggArrays(11, false), 132_863_336],
  ['VGG13', vggArrays(13, false), 133_047_848],
  ['VGG16', vggArrays(16, false), 138_357_544],
  ['VGG16 with batch norm', vggArrays(16, true), 138_365_992],
  ['VGG19', vggArrays(19, false), 143_667_240],
  ['ResNet18', resnetArrays(18), 11_689_512],
  ['ResNet34', resnetArrays(34), 21_797_672],
  ['ResNet50', resnetArrays(50), 25_557_032],
  ['ResNet101', resnetArrays(101), 44_549_160],
  ['ResNet152', resnetArrays(152), 60_192_808],
  ['DenseNet121', densenetArrays(121), 7_978_856],
  ['DenseNet169', densenetArrays(169), 14_149_480],
  ['DenseNet201', densenetArrays(201), 20_013_928],
  ['SqueezeNet 1.0', squeezenetArrays(), 1_248_424],
])('%s has its published number of parameters', (_, arrays, published) => {
  expect(parameterCount(arrays)).toBe(published);
  expect(new Set(arrays.map(({ name }) => name)).size).toBe(arrays.length);
});

test.skipIf(!hasSharedWeights)(realWeights('lists equal those of torchvision, in order'), () => {
  const lists: Record<string, Record<string, number[]>> = JSON.parse(
    readFileSync(sharedPath('weights', 'tensor_names_shapes.json'), 'utf8'),
  );
  const mine = {
    vgg16_torchvision: vggArrays(16, false),
    resnet18: resnetArrays(18),
    resnet34: resnetArrays(34),
    resnet50: resnetArrays(50),
    densenet121: densenetArrays(121),
  };
  for (const [key, arrays] of Object.entries(mine)) {
    const expected = Object.entries(lists[key]!).filter(([name]) => !name.endsWith('num_batches_tracked'));
    expect(arrays.map(({ name, shape }) => [name, shape])).toEqual(expected);
  }
});

test.skipIf(!hasSharedWeights).each([
  ['resnet20_cifar10', resnet20Arrays()],
  ['squeezenet1_0_deepcompression_imagenet', squeezenetArrays()],
] as const)(realWeights('%s'), (name, arrays) => {
  const file = readSafetensors(readFileSync(sharedPath('weights', `${name}.safetensors`))).arrays;
  const inFile = Object.entries(file).map(([key, { shape }]) => ({ name: key, shape }));
  const order = (a: NamedShape, b: NamedShape) => (a.name < b.name ? -1 : 1);
  expect(inFile.toSorted(order)).toEqual(arrays.toSorted(order));
});
