import { upConvolution } from '../operators/up-convolution.ts';
import { biasOf } from './convolution.ts';
import type { Layer } from './layer.ts';
import { heNormal } from './scope.ts';

/** Up-convolution with kernel and stride 2 on every axis: weights `weight` [in, out, 2, ...], bias `bias` [out]. */
export function upConv(outputChannels: number): Layer {
  return (scope, x) => {
    const inputChannels = x.shape[1]!;
    const weight = scope.parameter('weight', {
      shape: [inputChannels, outputChannels, ...x.shape.slice(2).map(() => 2)],
      // Each output sees one pixel, and no ReLU follows: variance 1 / inputs keeps the scale.
      initialiser: heNormal(2 * inputChannels),
      decays: true,
    });
    return upConvolution(x, weight, biasOf(scope, outputChannels));
  };
}
