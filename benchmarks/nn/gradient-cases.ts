import { densenet40 } from '@glisson/nn/models/cifar-densenet';
import { resnet20 } from '@glisson/nn/models/cifar-resnet';
import { densenet } from '@glisson/nn/models/densenet';
import { encoderUNet } from '@glisson/nn/models/encoder-unet';
import type { Network } from '@glisson/nn/models/network';
import { resnet } from '@glisson/nn/models/resnet';
import { squeezenet } from '@glisson/nn/models/squeezenet';
import { unet2d } from '@glisson/nn/models/unet-2d';
import { unet3d } from '@glisson/nn/models/unet-3d';
import { vgg } from '@glisson/nn/models/vgg';

export interface GradientCase {
  readonly network: Network;
  readonly image: readonly number[];
  /** The same network in torch_networks.py. */
  readonly torch: { readonly network: string; readonly options?: Readonly<Record<string, unknown>> };
  readonly padding?: 'valid';
}

const classes = 5;
const small = [2, 3, 64, 64];
/** Of networks so deep that batch norm has few pixels left in the end. */
const large = [8, 3, 96, 96];
const unet = { inputChannels: 1, classes, maxChannels: 256, levels: 4, convolutionsPerLevel: 2 };
const vggStages = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const;
const resnetBlocks = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3] } as const;
const densenetBlocks = { 121: [6, 12, 24, 16], 169: [6, 12, 32, 32] } as const;

/** Every network, at a size at which batch norm still sees enough numbers for a gradient that is well conditioned. */
export const gradientCases: readonly GradientCase[] = [
  ...([11, 13, 16, 19] as const).flatMap((depth) =>
    [false, true].map((batchNorm) => ({
      network: vgg({ depth, batchNorm, classes, head: 'pooled' }),
      image: small,
      torch: { network: 'vgg', options: { stages: vggStages[depth], batch_norm: batchNorm, head: 'pooled' } },
    })),
  ),
  ...([18, 34, 50] as const).map((depth) => ({
    network: resnet({ depth, classes }),
    image: large,
    torch: { network: 'resnet', options: { blocks: resnetBlocks[depth] } },
  })),
  ...([121, 169] as const).map((depth) => ({
    network: densenet({ depth, classes }),
    image: large,
    torch: { network: 'densenet', options: { blocks: densenetBlocks[depth] } },
  })),
  {
    network: densenet40({ classes }),
    image: [2, 3, 32, 32],
    torch: { network: 'densenet40', options: { form: 'published' } },
  },
  {
    network: densenet40({ classes, form: 'fast' }),
    image: [2, 3, 32, 32],
    torch: { network: 'densenet40', options: { form: 'fast' } },
  },
  { network: resnet20({ classes }), image: [2, 3, 32, 32], torch: { network: 'resnet20' } },
  { network: squeezenet({ classes }), image: small, torch: { network: 'squeezenet' } },
  ...(['plain', 'residual'] as const).flatMap((block) =>
    (['batch', 'instance', 'none'] as const).map((norm) => ({
      network: unet2d({ ...unet, baseChannels: 32, block, norm }),
      image: [2, 1, 64, 64],
      torch: { network: 'unet', options: { levels: 4, count: 2, residual: block === 'residual' } },
    })),
  ),
  {
    network: unet2d({ ...unet, baseChannels: 16, padding: 'valid' }),
    image: [2, 1, 100, 100],
    torch: { network: 'unet', options: { levels: 4, count: 2 } },
    padding: 'valid',
  },
  ...(['plain', 'residual'] as const).map((block) => ({
    network: unet3d({ ...unet, baseChannels: 8, block, norm: 'instance', activation: 'leakyRelu' }),
    image: [1, 1, 32, 32, 32],
    torch: {
      network: 'unet',
      options: { levels: 4, count: 2, residual: block === 'residual', slope: 0.01 },
    },
  })),
  {
    network: encoderUNet({ encoder: { kind: 'resnet', depth: 18 }, classes }),
    image: large,
    torch: { network: 'encoder_unet', options: { encoder: 'resnet', options: { blocks: resnetBlocks[18] } } },
  },
  {
    network: encoderUNet({ encoder: { kind: 'resnet', depth: 50 }, classes }),
    image: large,
    torch: { network: 'encoder_unet', options: { encoder: 'resnet', options: { blocks: resnetBlocks[50] } } },
  },
  {
    network: encoderUNet({ encoder: { kind: 'vgg', depth: 16 }, classes }),
    image: small,
    torch: {
      network: 'encoder_unet',
      options: { encoder: 'vgg', options: { stages: vggStages[16], batch_norm: false } },
    },
  },
];
