import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hasSharedWeights, realWeights, sharedPath } from '../../../../testing/shared-data.ts';
import type { Shape } from '../graph/shape.ts';
import { declarationsOf, statisticsOf } from '../training/declarations.ts';
import { planLoad } from '../weights/mapping/plan-load.ts';
import { densenet40 } from './cifar-densenet.ts';
import { resnet20 } from './cifar-resnet.ts';
import { densenet } from './densenet.ts';
import { encoderUNet } from './encoder-unet.ts';
import { type Network, outputShape } from './network.ts';
import { resnet } from './resnet.ts';
import { squeezenet } from './squeezenet.ts';
import { unet2d } from './unet-2d.ts';
import { unet3d } from './unet-3d.ts';
import { vgg } from './vgg.ts';

const classes = 1000;

/** Numbers of parameters as torchvision's documentation, or the paper, states them. */
test.each([
  { network: vgg({ depth: 11, classes }), count: 132_863_336 },
  { network: vgg({ depth: 13, classes }), count: 133_047_848 },
  { network: vgg({ depth: 16, classes }), count: 138_357_544 },
  { network: vgg({ depth: 19, classes }), count: 143_667_240 },
  { network: vgg({ depth: 11, classes, batchNorm: true }), count: 132_868_840 },
  { network: vgg({ depth: 13, classes, batchNorm: true }), count: 133_053_736 },
  { network: vgg({ depth: 16, classes, batchNorm: true }), count: 138_365_992 },
  { network: vgg({ depth: 19, classes, batchNorm: true }), count: 143_678_248 },
  { network: resnet({ depth: 18, classes }), count: 11_689_512 },
  { network: resnet({ depth: 34, classes }), count: 21_797_672 },
  { network: resnet({ depth: 50, classes }), count: 25_557_032 },
  { network: densenet({ depth: 121, classes }), count: 7_978_856 },
  { network: densenet({ depth: 169, classes }), count: 14_149_480 },
  { network: squeezenet({ classes }), count: 1_248_424 },
  { network: resnet20({ classes: 10 }), count: 269_722 },
  { network: densenet40({ classes: 10 }), count: 1_019_722 },
])('$network.name has the published number of parameters, $count', ({ network, count }) => {
  expect(declarationsOf(network).parameterCount).toBe(count);
});

describe('smallest images, worked out by hand from the last map (one pixel) backwards', () => {
  test.each([
    { network: vgg({ depth: 11, classes }), smallest: 32 },
    { network: vgg({ depth: 11, classes, padding: 'valid' }), smallest: 150 },
    { network: vgg({ depth: 13, classes, padding: 'valid' }), smallest: 156 },
    { network: vgg({ depth: 16, classes, padding: 'valid', head: 'pooled' }), smallest: 212 },
    { network: vgg({ depth: 19, classes, padding: 'valid', batchNorm: true }), smallest: 268 },
    { network: resnet({ depth: 18, classes }), smallest: 1 },
    { network: resnet({ depth: 18, classes, padding: 'valid' }), smallest: 435 },
    { network: resnet({ depth: 34, classes, padding: 'valid' }), smallest: 899 },
    { network: resnet({ depth: 50, classes, padding: 'valid' }), smallest: 427 },
    { network: densenet({ depth: 121, classes }), smallest: 29 },
    { network: densenet({ depth: 121, classes, padding: 'valid' }), smallest: 2071 },
    { network: densenet({ depth: 169, classes, padding: 'valid' }), smallest: 3351 },
    { network: squeezenet({ classes }), smallest: 21 },
    { network: squeezenet({ classes, padding: 'valid' }), smallest: 141 },
    { network: resnet20({ classes }), smallest: 1 },
    { network: resnet20({ classes, padding: 'valid' }), smallest: 81 },
    { network: densenet40({ classes }), smallest: 4 },
    { network: densenet40({ classes, padding: 'valid' }), smallest: 174 },
    { network: densenet40({ classes, form: 'fast', padding: 'valid' }), smallest: 174 },
  ])('$network.name: $smallest', ({ network, smallest }) => {
    expect(network.smallestSize).toEqual([smallest, smallest]);
    for (const [more, wider] of [
      [0, 0],
      [1, 2],
      [3, 0],
      [4, 9],
    ] as const) {
      const image = [2, 3, smallest + more, smallest + wider];
      expect(outputShape(network, image)).toEqual([2, classes]);
    }
    expect(() => outputShape(network, [2, 3, smallest, smallest - 1])).toThrow(
      `${network.name}: expected an image [N, 3, H, W] with a spatial size from ${smallest} x ${smallest} on, found`,
    );
    expect(() => outputShape(network, [2, 4, smallest, smallest])).toThrow('expected an image [N, 3, H, W]');
  });
});

const plan = { inputChannels: 1, classes: 3, baseChannels: 2, maxChannels: 8, convolutionsPerLevel: 2 };
const five = { ...plan, levels: 5 };
const padding = 'valid';
const resnet18 = { kind: 'resnet', depth: 18 } as const;

describe('sizes of segmentation networks', () => {
  test.each([
    { network: unet2d(five), smallest: 16, logits: 16, divisor: 16 },
    { network: unet2d({ ...five, padding }), smallest: 188, logits: 4, divisor: 16 },
    { network: unet2d({ ...five, padding, block: 'residual' }), smallest: 188, logits: 4, divisor: 16 },
    { network: unet2d({ ...plan, levels: 1, padding }), smallest: 5, logits: 1, divisor: 1 },
    {
      network: encoderUNet({ encoder: resnet18, classes: 3, inputChannels: 1 }),
      smallest: 32,
      logits: 32,
      divisor: 32,
    },
    {
      network: encoderUNet({ encoder: resnet18, classes: 3, inputChannels: 1, padding }),
      smallest: 531,
      logits: 4,
      divisor: 32,
    },
    {
      network: encoderUNet({ encoder: { kind: 'resnet', depth: 50 }, classes: 3, inputChannels: 1, padding }),
      smallest: 523,
      logits: 4,
      divisor: 32,
    },
    {
      network: encoderUNet({ encoder: { kind: 'vgg', depth: 11 }, classes: 3, inputChannels: 1, padding }),
      smallest: 182,
      logits: 4,
      divisor: 16,
    },
  ])('$network.name: from $smallest on, in steps of $divisor', ({ network, smallest, logits, divisor }) => {
    expect(network).toMatchObject({ smallestSize: [smallest, smallest], divisor });
    for (const [more, wider] of [
      [0, 0],
      [divisor, 3 * divisor],
    ] as const) {
      const found = outputShape(network, [2, 1, smallest + more, smallest + wider]);
      expect(found).toEqual([2, 3, logits + more, logits + wider]);
    }
    if (divisor > 1) {
      expect(() => outputShape(network, [2, 1, smallest, smallest + 1])).toThrow(
        smallest === divisor ? `divisible by ${divisor}, found` : `in steps of ${divisor}, found`,
      );
    }
    const less = smallest === divisor ? 0 : smallest - divisor;
    expect(() => outputShape(network, [2, 1, less, smallest])).toThrow(`${network.name}: expected an image`);
  });

  test('the sizes of the papers: 572 pixels give 388, 132 x 132 x 116 voxels give 44 x 44 x 28', () => {
    expect(outputShape(unet2d({ ...five, padding }), [1, 1, 572, 572])).toEqual([1, 3, 388, 388]);
    const volumes = unet3d({ ...plan, levels: 4, padding });
    expect(volumes).toMatchObject({ smallestSize: [92, 92, 92], divisor: 8 });
    expect(outputShape(volumes, [1, 1, 116, 132, 132])).toEqual([1, 3, 28, 44, 44]);
    expect(() => outputShape(volumes, [1, 1, 132, 132])).toThrow('expected an image [N, 1, D, H, W]');
  });

  test('a specification that makes no sense is refused', () => {
    expect(() => vgg({ depth: 15 as 16, classes })).toThrow(/vgg: depth must be 11, 13, 16 or 19, found 15/);
    expect(() => resnet({ depth: 18, classes: 0 })).toThrow(
      /classes must be a positive whole number, found 0/,
    );
    expect(() => unet2d({ ...five, levels: 0 })).toThrow(
      /unet2d: levels must be a positive whole number, found 0/,
    );
    expect(() => encoderUNet({ encoder: resnet18, classes: 3, decoderChannels: [8, 8] })).toThrow(
      /resnet18 needs 5 levels of decoder channels, found 8, 8/,
    );
  });
});

/** Every array of a state dict but the counters of batches, by name. */
function arraysOf(network: Network): Map<string, Shape> {
  const { parameters, norms } = declarationsOf(network);
  return new Map([...parameters, ...statisticsOf(norms)].map(({ name, shape }) => [name, shape]));
}

describe.skipIf(!hasSharedWeights)('names and shapes', () => {
  const file = () => JSON.parse(readFileSync(sharedPath('weights', 'tensor_names_shapes.json'), 'utf8'));
  const published = (key: string) =>
    new Map(
      Object.entries((file() as Record<string, Record<string, number[]>>)[key]!).filter(
        ([name]) => !name.endsWith('.num_batches_tracked'),
      ),
    );

  test.each([
    { key: 'vgg16_torchvision', network: vgg({ depth: 16, classes }) },
    { key: 'resnet18', network: resnet({ depth: 18, classes }) },
    { key: 'resnet34', network: resnet({ depth: 34, classes }) },
    { key: 'resnet50', network: resnet({ depth: 50, classes }) },
    { key: 'densenet121', network: densenet({ depth: 121, classes }) },
  ])(realWeights('$network.name has the arrays of $key'), ({ key, network }) => {
    expect(new Map([...arraysOf(network)].sort())).toEqual(new Map([...published(key)].sort()));
  });

  test(realWeights('VGG16 loads whole from the arrays that timm has'), () => {
    const named = (arrays: ReadonlyMap<string, Shape>) =>
      [...arrays].map(([name, shape]) => ({ name, shape }));
    const network = vgg({ depth: 16, classes });
    const { report } = planLoad(named(arraysOf(network)), named(published('vgg16_timm')), { strict: true });
    expect(report.loaded).toHaveLength(32);
  });
});
