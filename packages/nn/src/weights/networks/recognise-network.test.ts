import { expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../../testing/shared-data.ts';
import { fileSource } from '../byte-source.ts';
import type { NamedShape } from '../mapping/plan-load.ts';
import { openWeightFile } from '../open-weight-file.ts';
import { densenetArrays, resnetArrays, vggArrays } from './array-lists.ts';
import { knownNetworks } from './known-networks.ts';
import { recogniseNetwork } from './recognise-network.ts';

test.each(knownNetworks)('$name is recognised as itself, whole and without its head', ({ name, arrays }) => {
  const whole = arrays();
  expect(recogniseNetwork(whole)?.network).toBe(name);
  const headless = whole.filter((array) => !/^(fc|linear|classifier)/.test(array.name));
  const found = recogniseNetwork(headless)!;
  expect(found.network).toBe(name);
  expect(found.plan.report.missing.map((array) => array.name)).toEqual(
    whole.filter((array) => !headless.includes(array)).map((array) => array.name),
  );
});

const change = (arrays: readonly NamedShape[], edit: (array: NamedShape) => NamedShape) => arrays.map(edit);

test.each<[string, readonly NamedShape[], string | undefined]>([
  ['data-parallel', change(resnetArrays(50), (a) => ({ ...a, name: `module.${a.name}` })), 'resnet50'],
  [
    'one channel',
    change(resnetArrays(18), (a) => (a.name === 'conv1.weight' ? { ...a, shape: [64, 1, 7, 7] } : a)),
    'resnet18',
  ],
  [
    'two classes',
    change(densenetArrays(121), (a) =>
      a.name.startsWith('classifier') ? { ...a, shape: [2, ...a.shape.slice(1)] } : a,
    ),
    'densenet121',
  ],
  ['with another head beside it', [...resnetArrays(34), { name: 'aux.weight', shape: [3, 512] }], 'resnet34'],
  [
    'another width',
    change(vggArrays(16, false), (a) => ({ ...a, shape: a.shape.map((n) => n * 2) })),
    undefined,
  ],
  ['its first layer only', resnetArrays(18).slice(0, 5), undefined],
  ['nothing', [], undefined],
])('%s', (_, arrays, network) => {
  expect(recogniseNetwork(arrays)?.network).toBe(network);
});

test.skipIf(!hasSharedWeights).each([
  ['resnet20-12fca82f.th', 'resnet20'],
  ['resnet20_cifar10.safetensors', 'resnet20'],
  ['squeezenet1_0_deepcompression_imagenet.safetensors', 'squeezenet1_0'],
  ['resnet18_tv_imagenet_os16_foldedbn.safetensors', 'resnet18'],
  ['densenet40_12_cifar10.safetensors', undefined],
])(realWeights('%s is %s'), async (name, network) => {
  const file = await openWeightFile(await fileSource(sharedPath('weights', name)));
  await file.close();
  expect(recogniseNetwork(file.arrays)?.network).toBe(network);
});
