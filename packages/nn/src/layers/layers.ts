import type { Tensor } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { upConvolution2 } from '../operators/up-convolution.ts';
import type { Scope } from './scope.ts';

/** 'Same' convolution with an odd square kernel: weights `name.weight` [out, in, k, k], bias `name.bias` on demand. */
export function convolutionLayer(
  scope: Scope,
  name: string,
  x: Tensor,
  outputChannels: number,
  options: { readonly kernel: number; readonly bias: boolean },
): Tensor {
  const { kernel } = options;
  const inputChannels = x.shape[1]!;
  const weight = scope.parameter({
    name: `${name}.weight`,
    shape: [outputChannels, inputChannels, kernel, kernel],
    initialiser: { kind: 'he-normal', fanIn: inputChannels * kernel * kernel },
    decays: true,
  });
  const pad = (kernel - 1) / 2;
  const pads = [pad, pad, pad, pad] as const;
  return convolution(x, weight, {
    pads,
    ...(options.bias && { bias: biasOf(scope, name, outputChannels) }),
  });
}

/** Batch normalisation with `name.weight` (gain) and `name.bias` (shift). */
export function batchNormLayer(scope: Scope, name: string, x: Tensor): Tensor {
  const shape = [x.shape[1]!];
  const gamma = scope.parameter({
    name: `${name}.weight`,
    shape,
    initialiser: { kind: 'fill', value: 1 },
    decays: false,
  });
  return scope.normalise(name, x, { gamma, beta: biasOf(scope, name, shape[0]!) });
}

/** Up-convolution with kernel and stride 2: weights `name.weight` [in, out, 2, 2], bias `name.bias`. */
export function upConvolutionLayer(scope: Scope, name: string, x: Tensor, outputChannels: number): Tensor {
  const inputChannels = x.shape[1]!;
  const weight = scope.parameter({
    name: `${name}.weight`,
    shape: [inputChannels, outputChannels, 2, 2],
    // Each output sees one pixel, and no ReLU follows: variance 1 / inputs keeps the scale.
    initialiser: { kind: 'he-normal', fanIn: 2 * inputChannels },
    decays: true,
  });
  return upConvolution2(x, weight, biasOf(scope, name, outputChannels));
}

function biasOf(scope: Scope, name: string, channels: number): Tensor {
  return scope.parameter({
    name: `${name}.bias`,
    shape: [channels],
    initialiser: { kind: 'fill', value: 0 },
    decays: false,
  });
}
