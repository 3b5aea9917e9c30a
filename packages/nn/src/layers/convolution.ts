import { sizeOf } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { type PerAxis, perAxis } from '../operators/image.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { count, either, flag, oneOf, optional, wholeFromZero } from '../options/rules.ts';
import type { Layer } from './layer.ts';
import { anInitialiser, perSpatialAxis } from './layer-rules.ts';
import { fill, heNormal, type Initialiser, type Scope } from './scope.ts';

/** 'same': (k - 1) / 2 zeros on either side, so that stride 1 keeps the size; 'valid': none; or a number of zeros. */
export type Padding = 'same' | 'valid' | number;

export interface ConvolutionLayerOptions {
  /** One size for every spatial axis, or one each, outermost first. */
  readonly kernel: PerAxis;
  /** Default 1. */
  readonly stride?: PerAxis;
  /** Default 'same'. */
  readonly padding?: Padding;
  /** Default 1. */
  readonly dilation?: PerAxis;
  /** Default 1. */
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default: He, by the inputs of an output. */
  readonly initialiser?: Initialiser;
}

const rules: Rules<ConvolutionLayerOptions> = {
  kernel: perSpatialAxis,
  stride: optional(perSpatialAxis),
  padding: optional(either(oneOf('same', 'valid'), wholeFromZero)),
  dilation: optional(perSpatialAxis),
  groups: optional(count),
  bias: optional(flag),
  initialiser: optional(anInitialiser),
};

/** Zeros before and after every axis, in the order of ONNX. */
export function padsOf(padding: Padding, kernel: readonly number[], dilation: readonly number[]): number[] {
  const side = kernel.map((size, axis) => {
    if (padding === 'valid') return 0;
    return padding === 'same' ? Math.floor((dilation[axis]! * (size - 1)) / 2) : padding;
  });
  return [...side, ...side];
}

/** Convolution of [N, C, ...S]: weights `weight` [out, C / groups, ...kernel] and `bias` [out]. */
export function conv(outputChannels: number, options: ConvolutionLayerOptions): Layer {
  checkValue('conv: outputChannels', outputChannels, count);
  checkOptions('conv', options, rules);
  return (scope, x) => {
    const rank = x.shape.length - 2;
    const kernel = perAxis('conv', 'kernel', options.kernel, rank, 1);
    const stride = perAxis('conv', 'stride', options.stride ?? 1, rank, 1);
    const dilation = perAxis('conv', 'dilation', options.dilation ?? 1, rank, 1);
    const { groups = 1, padding = 'same', bias = true } = options;
    const inputs = x.shape[1]! / groups;
    const weight = scope.parameter('weight', {
      shape: [outputChannels, inputs, ...kernel],
      initialiser: options.initialiser ?? heNormal(inputs * sizeOf(kernel)),
      decays: true,
    });
    return convolution(x, weight, {
      stride,
      dilation,
      groups,
      pads: padsOf(padding, kernel, dilation),
      ...(bias && { bias: biasOf(scope, outputChannels) }),
    });
  };
}

/** `bias` [channels], zero at first. */
export function biasOf(scope: Scope, channels: number): Tensor {
  return scope.parameter('bias', { shape: [channels], initialiser: fill(0), decays: false });
}
