import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { relu } from '../layers/activation.ts';
import { batchNorm as batchNormLayer } from '../layers/batch-norm.ts';
import { conv } from '../layers/convolution.ts';
import { type Layer, sequential } from '../layers/layer.ts';
import { upConv } from '../layers/up-convolution.ts';
import { concat } from '../operators/layout.ts';
import { maxPool2 } from '../operators/pooling.ts';
import type { Network } from './network.ts';

export interface UNet2dSpec {
  readonly inputChannels: number;
  readonly classes: number;
  /** Channels of the full resolution; they double per level up to `maxChannels`. */
  readonly baseChannels: number;
  readonly maxChannels: number;
  /** Resolutions, the full one included: 5 levels halve four times. */
  readonly levels: number;
  readonly convolutionsPerLevel: number;
  /** Off only for gradient checks. */
  readonly batchNorm?: boolean;
}

/**
 * U-Net (Ronneberger, Fischer and Brox, 2015) with padded convolutions: per level `convolutionsPerLevel` times
 * 3 x 3 convolution, batch norm, ReLU; 2 x 2 max-pooling down, 2 x 2 up-convolution and skip connection up; 1 x 1 head.
 */
export function unet2d(spec: UNet2dSpec): Network {
  for (const [key, value] of Object.entries(spec)) {
    if (typeof value === 'number' && !(Number.isInteger(value) && value > 0)) {
      throw new NetworkError(
        'value-invalid',
        `unet2d: ${key} must be a positive whole number, found ${value}`,
      );
    }
  }
  const { inputChannels, classes, levels, convolutionsPerLevel, batchNorm = true } = spec;
  const divisor = 2 ** (levels - 1);
  const channelsOf = (level: number) => Math.min(spec.baseChannels * 2 ** level, spec.maxChannels);

  /** `count` times convolution, norm, ReLU: conv1, norm1, conv2, norm2, ... */
  const block = (channels: number): Layer => {
    const layers: Record<string, Layer> = {};
    for (let i = 1; i <= convolutionsPerLevel; i++) {
      layers[`conv${i}`] = conv(channels, { kernel: 3, bias: !batchNorm });
      if (batchNorm) layers[`norm${i}`] = batchNormLayer();
      layers[`relu${i}`] = relu;
    }
    return sequential(layers);
  };

  return {
    name: `unet-2d ${inputChannels}>${classes} base ${spec.baseChannels} max ${spec.maxChannels} levels ${levels} x${convolutionsPerLevel}${batchNorm ? '' : ' without norm'}`,
    task: 'segmentation',
    inputChannels,
    classes,
    divisor,
    smallestSize: [divisor, divisor],
    headBias: 'head.bias',
    forward: (scope, image) => {
      const [, c, h, w] = image.shape;
      if (image.shape.length !== 4 || c !== inputChannels || h! % divisor !== 0 || w! % divisor !== 0) {
        throw new NetworkError(
          'shape-mismatch',
          `unet2d: expected an image [N, ${inputChannels}, H, W] with H and W divisible by ${divisor}, found ${formatShape(image.shape)}`,
        );
      }
      const skips: Tensor[] = [];
      let x = image;
      for (let level = 0; level < levels; level++) {
        if (level > 0) x = maxPool2(x);
        x = block(channelsOf(level))(scope.child(`encoder${level}`), x);
        skips.push(x);
      }
      for (let level = levels - 2; level >= 0; level--) {
        const up = upConv(channelsOf(level))(scope.child(`up${level}`), x);
        x = block(channelsOf(level))(scope.child(`decoder${level}`), concat([skips[level]!, up], 1));
      }
      return conv(classes, { kernel: 1 })(scope.child('head'), x);
    },
  };
}
