import { NetworkError } from '../errors/network-error.ts';
import { sizeOf } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import type { Layer } from './layer.ts';
import { fill, heNormal, type Initialiser, type Scope } from './scope.ts';

/** 'same': (k - 1) / 2 zeros on either side, so that stride 1 keeps the size; 'valid': none; or a number of zeros. */
export type Padding = 'same' | 'valid' | number;

export interface ConvolutionLayerOptions {
  /** One size for every spatial axis, or one each, outermost first. */
  readonly kernel: number | readonly number[];
  /** Default 1. */
  readonly stride?: number | readonly number[];
  /** Default 'same'. */
  readonly padding?: Padding;
  /** Default 1. */
  readonly dilation?: number | readonly number[];
  /** Default 1. */
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default: He, by the inputs of an output. */
  readonly initialiser?: Initialiser;
}

/** The same number for each of `rank` axes, unless there is one for each already. */
export function perAxis(value: number | readonly number[], rank: number, what: string): readonly number[] {
  if (typeof value === 'number') return new Array<number>(rank).fill(value);
  if (value.length === rank) return value;
  throw new NetworkError('value-invalid', `${what}: expected ${rank} numbers, found ${value.join(', ')}`);
}

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
  return (scope, x) => {
    const rank = x.shape.length - 2;
    const kernel = perAxis(options.kernel, rank, 'kernel');
    const stride = perAxis(options.stride ?? 1, rank, 'stride');
    const dilation = perAxis(options.dilation ?? 1, rank, 'dilation');
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
