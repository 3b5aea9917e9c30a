import { linear as linearOf } from '../operators/linear.ts';
import { biasOf } from './convolution.ts';
import type { Layer } from './layer.ts';
import { heNormal, type Initialiser } from './scope.ts';

export interface LinearLayerOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** Default: normal with variance 1 / inputs, which keeps the scale where no ReLU follows. */
  readonly initialiser?: Initialiser;
}

/** y = x W^T + b of [N, inputs]: `weight` [outputs, inputs] and `bias` [outputs], as in PyTorch. */
export function linear(outputs: number, options: LinearLayerOptions = {}): Layer {
  return (scope, x) => {
    const inputs = x.shape.at(-1)!;
    const weight = scope.parameter('weight', {
      shape: [outputs, inputs],
      initialiser: options.initialiser ?? heNormal(2 * inputs),
      decays: true,
    });
    return linearOf(x, weight, (options.bias ?? true) ? biasOf(scope, outputs) : undefined);
  };
}
