import { describe } from 'vitest';
import { type Refusal, refuses, untyped } from '../testing/refusals.ts';
import { densenet40 } from './cifar-densenet.ts';
import { resnet20 } from './cifar-resnet.ts';
import { densenet } from './densenet.ts';
import { encoderUNet } from './encoder-unet.ts';
import { defineNetwork } from './network.ts';
import { patchCnn } from './patch-cnn.ts';
import { resnet, resnetEncoder } from './resnet.ts';
import { squeezenet } from './squeezenet.ts';
import { unet2d } from './unet-2d.ts';
import { unet3d } from './unet-3d.ts';
import { vgg, vggEncoder } from './vgg.ts';

const classes = 2;
const unet = {
  inputChannels: 1,
  classes,
  baseChannels: 4,
  maxChannels: 8,
  levels: 2,
  convolutionsPerLevel: 1,
};
const resnet18 = { kind: 'resnet', depth: 18 } as const;
const cut = (options: object) => encoderUNet(untyped({ encoder: resnet18, classes, ...options }));
const description = {
  name: 'mine',
  task: 'classification',
  inputChannels: 1,
  classes,
  smallestSize: [4, 4],
  divisor: 1,
} as const;
const define = (more: object, forward: unknown = () => {}) =>
  defineNetwork(untyped({ ...description, ...more }), untyped(forward));

describe('an option that makes no network is named, with what was found and what there is', () => {
  const cases: readonly Refusal[] = [
    [
      'unet2d, norm',
      () => unet2d({ ...unet, norm: untyped('layer') }),
      /^unet2d: norm must be 'batch', 'instance' or 'none', found 'layer'$/,
    ],
    [
      'unet3d, norm',
      () => unet3d({ ...unet, norm: untyped('toString') }),
      /^unet3d: norm .* found 'toString'$/,
    ],
    [
      'unet2d, activation',
      () => unet2d({ ...unet, activation: untyped('gelu') }),
      /^unet2d: activation must be 'relu' or 'leakyRelu', found 'gelu'$/,
    ],
    [
      'unet2d, block',
      () => unet2d({ ...unet, block: untyped('dense') }),
      /^unet2d: block must be 'plain' or 'residual', found 'dense'$/,
    ],
    [
      'unet2d, padding',
      () => unet2d({ ...unet, padding: untyped(1) }),
      /^unet2d: padding must be 'same' or 'valid', found 1$/,
    ],
    [
      'unet2d, levels missing',
      () => unet2d({ ...unet, levels: untyped(undefined) }),
      /^unet2d: levels must be a positive whole number, found nothing$/,
    ],
    [
      'unet2d, a text for a number',
      () => unet2d({ ...unet, classes: untyped('3') }),
      /^unet2d: classes must be a positive whole number, found '3'$/,
    ],
    [
      'unet2d, a misspelt option',
      () => unet2d(untyped({ ...unet, Norm: 'none' })),
      /^unet2d: there is no option 'Norm'; there are inputChannels, .*, norm, activation, padding$/,
    ],
    [
      'unet2d without options',
      () => unet2d(untyped(undefined)),
      /^unet2d: expected an object of options \(inputChannels, .*\), found nothing$/,
    ],
    [
      'unet2d with a list',
      () => unet2d(untyped([1])),
      /^unet2d: expected an object of options .* found \[1\]$/,
    ],
    [
      'vgg, depth',
      () => vgg({ depth: untyped(12), classes }),
      /^vgg: depth must be 11, 13, 16 or 19, found 12$/,
    ],
    ['vgg, depth as text', () => vgg({ depth: untyped('16'), classes }), /^vgg: depth .* found '16'$/],
    [
      'vgg, head',
      () => vgg({ depth: 16, classes, head: untyped('linear') }),
      /^vgg: head must be 'fc' or 'pooled', found 'linear'$/,
    ],
    [
      'vgg, batchNorm',
      () => vgg({ depth: 16, classes, batchNorm: untyped('yes') }),
      /^vgg: batchNorm must be true or false, found 'yes'$/,
    ],
    [
      'vgg, norm, which it has not',
      () => vgg(untyped({ depth: 16, classes, norm: 'batch' })),
      /^vgg: there is no option 'norm'; there are depth, batchNorm, inputChannels, padding, classes, head, headDropout$/,
    ],
    [
      'vggEncoder, classes',
      () => vggEncoder(untyped({ depth: 16, classes })),
      /^vggEncoder: there is no option 'classes'/,
    ],
    [
      'resnet, depth',
      () => resnet({ depth: untyped(101), classes }),
      /^resnet: depth must be 18, 34 or 50, found 101$/,
    ],
    [
      'resnet, depth of a prototype',
      () => resnet({ depth: untyped('constructor'), classes }),
      /^resnet: depth .* found 'constructor'$/,
    ],
    [
      'resnet, stages',
      () => resnet({ depth: 18, classes, stages: untyped(5) }),
      /^resnet: stages must be 1, 2, 3 or 4, found 5$/,
    ],
    [
      'resnetEncoder, padding',
      () => resnetEncoder({ depth: 18, padding: untyped('full') }),
      /^resnetEncoder: padding must be .* found 'full'$/,
    ],
    [
      'densenet, depth',
      () => densenet({ depth: untyped(201), classes }),
      /^densenet: depth must be 121 or 169, found 201$/,
    ],
    [
      'densenet40, form',
      () => densenet40({ classes, form: untyped('slow') }),
      /^densenet40: form must be 'published' or 'fast', found 'slow'$/,
    ],
    [
      'densenet40, dropout',
      () => densenet40({ classes, dropout: 1 }),
      /^densenet40: dropout must be a number in \[0, 1\), found 1$/,
    ],
    [
      'resnet20, padding',
      () => resnet20({ classes, padding: untyped('zero') }),
      /^resnet20: padding must be/,
    ],
    [
      'squeezenet, padding',
      () => squeezenet({ classes, padding: untyped(true) }),
      /^squeezenet: padding .* found true$/,
    ],
    [
      'patchCnn, pools',
      () => patchCnn({ inputChannels: 1, classes, pools: untyped([2, 2]) }),
      /^patchCnn: pools must be a list of 3 positive whole numbers, found \[2, 2\]$/,
    ],
    [
      'patchCnn, one of the pools',
      () => patchCnn({ inputChannels: 1, classes, pools: [2, 0, 2] }),
      /^patchCnn: pools .* found \[2, 0, 2\] \(item 1 is 0\)$/,
    ],
    [
      'encoderUNet, encoder missing',
      () => cut({ encoder: undefined }),
      /^encoderUNet: encoder must be an object with kind and depth, found nothing$/,
    ],
    [
      'encoderUNet, encoder as text',
      () => cut({ encoder: 'resnet18' }),
      /^encoderUNet: encoder must be an object with kind and depth, found 'resnet18'$/,
    ],
    [
      'encoderUNet, kind',
      () => cut({ encoder: { kind: 'densenet', depth: 121 } }),
      /^encoderUNet: encoder\.kind must be 'resnet' or 'vgg', found 'densenet'$/,
    ],
    [
      'encoderUNet, depth',
      () => cut({ encoder: { kind: 'resnet', depth: 16 } }),
      /^resnetEncoder: depth must be 18, 34 or 50, found 16$/,
    ],
    [
      'encoderUNet, decoderChannels',
      () => cut({ decoderChannels: [32, 64, 64, 128, -1] }),
      /^encoderUNet: decoderChannels must be a list of positive whole numbers, found .* \(item 4 is -1\)$/,
    ],
    [
      'encoderUNet, too few decoderChannels',
      () => cut({ decoderChannels: [8] }),
      /^encoderUNet: resnet18 needs 5 levels of decoder channels, found 8$/,
    ],
    [
      'encoderUNet, up',
      () => cut({ up: 'bilinear' }),
      /^encoderUNet: up must be 'convolution', 'nearest' or 'linear', found 'bilinear'$/,
    ],
    [
      'defineNetwork, task',
      () => define({ task: 'detection' }),
      /^defineNetwork: task must be 'segmentation' or 'classification', found 'detection'$/,
    ],
    [
      'defineNetwork, smallestSize',
      () => define({ smallestSize: 4 }),
      /^defineNetwork: smallestSize must be a list of .* found 4$/,
    ],
    [
      'defineNetwork, divisor',
      () => define({ divisor: 0 }),
      /^defineNetwork: divisor must be a positive whole number, found 0$/,
    ],
    [
      'defineNetwork, forward',
      () => define({}, null),
      /^defineNetwork: forward must be a function, found null$/,
    ],
  ];
  refuses(cases);
});
