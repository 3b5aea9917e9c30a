import { linear as linearOf } from '../operators/linear.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { count, flag, optional } from '../options/rules.ts';
import { biasOf } from './convolution.ts';
import type { Layer } from './layer.ts';
import { anInitialiser } from './layer-rules.ts';
import { heNormal, type Initialiser } from './scope.ts';

export interface LinearLayerOptions {
  /** Default true. */
  readonly bias?: boolean;
  /** Default: normal with variance 1 / inputs, which keeps the scale where no ReLU follows. */
  readonly initialiser?: Initialiser;
}

const rules: Rules<LinearLayerOptions> = { bias: optional(flag), initialiser: optional(anInitialiser) };

/** y = x W^T + b of [N, inputs]: `weight` [outputs, inputs] and `bias` [outputs], as in PyTorch. */
export function linear(outputs: number, options: LinearLayerOptions = {}): Layer {
  checkValue('linear: outputs', outputs, count);
  checkOptions('linear', options, rules);
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
