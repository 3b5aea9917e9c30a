import { NetworkError } from '../errors/network-error.ts';
import { relu } from '../layers/activation.ts';
import { batchNorm } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { concatChannels } from '../layers/crop.ts';
import { type Layer, sequential } from '../layers/layer.ts';
import { enlarge } from '../layers/resize.ts';
import { upConv } from '../layers/up-convolution.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { count, listOf, objectWith, oneOf, optional } from '../options/rules.ts';
import type { Encoder } from './encoder.ts';
import { defineNetwork, type Network } from './network.ts';
import { type ResNetDepth, resnetEncoder } from './resnet.ts';
import { type NetworkPadding, networkPadding, smallestLength } from './size.ts';
import { type VggDepth, vggEncoder } from './vgg.ts';

export interface EncoderUNetSpec {
  readonly encoder:
    | { readonly kind: 'resnet'; readonly depth: ResNetDepth; readonly stages?: 1 | 2 | 3 | 4 }
    | { readonly kind: 'vgg'; readonly depth: VggDepth; readonly batchNorm?: boolean };
  readonly classes: number;
  /** Default 3. */
  readonly inputChannels?: number;
  /** Channels of the decoder at full, half, ... resolution. Default: 32, 64, 64, 128, 256. */
  readonly decoderChannels?: readonly number[];
  /** How the decoder doubles a size: 'convolution' (default) learns it; 'nearest' and 'linear' do not. */
  readonly up?: 'convolution' | 'nearest' | 'linear';
  /** Default 'same'. */
  readonly padding?: NetworkPadding;
}

const rules: Rules<EncoderUNetSpec> = {
  encoder: objectWith('an object with kind and depth', {}),
  classes: count,
  inputChannels: optional(count),
  decoderChannels: optional(listOf('positive whole numbers', count)),
  up: optional(oneOf('convolution', 'nearest', 'linear')),
  padding: optional(networkPadding),
};

const defaultChannels = [32, 64, 64, 128, 256];

/**
 * U-Net whose encoder is a classifier without its head, so that pretrained weights load by name: image [N, 3, H, W] to
 * logits [N, classes, H, W]. Per level of the decoder, from the coarsest up: the size doubled, the encoder's map of that
 * size beside it (a ResNet has none at full size), two 3 x 3 convolutions with batch norm and ReLU; a 1 x 1 head.
 * Parameters: the encoder's as in `resnet` and `vgg`; `up0`, `decoder0.conv1`, `decoder0.norm1`, ..., `head`, with 0 for
 * the full resolution.
 */
export function encoderUNet(spec: EncoderUNetSpec): Network {
  checkOptions('encoderUNet', spec, rules);
  checkValue('encoderUNet: encoder.kind', spec.encoder.kind, oneOf('resnet', 'vgg'));
  const { classes, up = 'convolution', padding = 'same', decoderChannels = defaultChannels } = spec;
  const encoder = encoderOf(spec);
  const deepest = encoder.maps.at(-1)!.stride;
  const levels = Math.log2(deepest);
  if (decoderChannels.length < levels) {
    throw new NetworkError(
      'value-invalid',
      `encoderUNet: ${encoder.name} needs ${levels} levels of decoder channels, found ${decoderChannels.join(', ')}`,
    );
  }
  const smallest = padding === 'same' ? deepest : smallestValidSize(encoder, levels);
  const doubled = (channels: number): Layer => (up === 'convolution' ? upConv(channels) : enlarge(up));
  const block = (channels: number): Layer =>
    sequential({
      conv1: conv(channels, { kernel: 3, padding, bias: false }),
      norm1: batchNorm(),
      relu1: relu,
      conv2: conv(channels, { kernel: 3, padding, bias: false }),
      norm2: batchNorm(),
      relu2: relu,
    });
  return defineNetwork(
    {
      name: nameOf(spec, encoder),
      task: 'segmentation',
      inputChannels: encoder.inputChannels,
      classes,
      smallestSize: [smallest, smallest],
      divisor: deepest,
      headBias: 'head.bias',
    },
    (scope, image) => {
      const maps = encoder.forward(scope, image);
      let x = maps.at(-1)!;
      for (let level = levels - 1; level >= 0; level--) {
        const channels = decoderChannels[level]!;
        x = doubled(channels)(scope.child(`up${level}`), x);
        const skip = encoder.maps.findIndex(({ stride }) => stride === 2 ** level);
        if (skip >= 0) x = concatChannels([maps[skip]!, x]);
        x = block(channels)(scope.child(`decoder${level}`), x);
      }
      return conv(classes, { kernel: 1 })(scope.child('head'), x);
    },
  );
}

function encoderOf({ encoder, inputChannels = 3, padding = 'same' }: EncoderUNetSpec): Encoder {
  if (encoder.kind === 'resnet') {
    const { kind: _, ...features } = encoder;
    return resnetEncoder({ ...features, inputChannels, padding });
  }
  const { kind: _, ...features } = encoder;
  return vggEncoder({ ...features, inputChannels, padding });
}

/** Every level of the decoder is twice as large as the one below, less two pixels on every side. */
function smallestValidSize({ maps }: Encoder, levels: number): number {
  let bottom = 1;
  for (let level = 0; level < levels; level++) bottom = Math.ceil((bottom + 4) / 2);
  return smallestLength(
    maps.flatMap(({ steps }) => steps),
    bottom,
  );
}

function nameOf(spec: EncoderUNetSpec, encoder: Encoder): string {
  const { up = 'convolution', padding = 'same', decoderChannels = defaultChannels } = spec;
  const levels = Math.log2(encoder.maps.at(-1)!.stride);
  const parts = [
    `unet-${encoder.name} ${encoder.inputChannels}>${spec.classes} decoder ${decoderChannels.slice(0, levels).join('-')}`,
    ...(up === 'convolution' ? [] : [up]),
    ...(padding === 'valid' ? ['valid'] : []),
  ];
  return parts.join(' ');
}
