import { type PerAxis, perAxis } from '../operators/image.ts';
import { upConvolution } from '../operators/up-convolution.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { count, flag, optional } from '../options/rules.ts';
import { biasOf } from './convolution.ts';
import type { Layer } from './layer.ts';
import { perSpatialAxis } from './layer-rules.ts';
import { heNormal } from './scope.ts';

export interface UpConvLayerOptions {
  /** Kernel and stride at once: one factor for every spatial axis, or one each. Default 2. */
  readonly factor?: PerAxis;
  /** Default true. */
  readonly bias?: boolean;
}

const rules: Rules<UpConvLayerOptions> = { factor: optional(perSpatialAxis), bias: optional(flag) };

/**
 * Up-convolution of [N, C, ...S] whose stride is its kernel, so that sizes grow by whole factors: weights `weight`
 * [in, out, ...kernel], bias `bias` [out], as in PyTorch's ConvTranspose.
 */
export function upConv(outputChannels: number, options: UpConvLayerOptions = {}): Layer {
  checkValue('upConv: outputChannels', outputChannels, count);
  checkOptions('upConv', options, rules);
  const { factor = 2, bias = true } = options;
  return (scope, x) => {
    const inputChannels = x.shape[1]!;
    const kernel = perAxis('upConv', 'factor', factor, x.shape.length - 2, 1);
    const weight = scope.parameter('weight', {
      shape: [inputChannels, outputChannels, ...kernel],
      // Each output sees one pixel, and no ReLU follows: variance 1 / inputs keeps the scale.
      initialiser: heNormal(2 * inputChannels),
      decays: true,
    });
    return upConvolution(x, weight, bias ? biasOf(scope, outputChannels) : undefined);
  };
}
