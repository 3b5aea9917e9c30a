import { checkOptions, type Rules } from '../options/check-options.ts';
import { optional, positive, share } from '../options/rules.ts';
import { biasOf } from './convolution.ts';
import type { Layer } from './layer.ts';
import { type BatchNormOptions, fill } from './scope.ts';

/** As in PyTorch: epsilon 1e-5, a tenth of the new batch in the running statistics. */
export const batchNormDefaults: BatchNormOptions = { epsilon: 1e-5, momentum: 0.1 };

const rules: Rules<Partial<BatchNormOptions>> = { epsilon: optional(positive), momentum: optional(share) };

/**
 * Batch normalisation of [N, C, ...] with gain `weight`, shift `bias`, and running statistics `running_mean` and
 * `running_var`.
 */
export function batchNorm(options: Partial<BatchNormOptions> = {}): Layer {
  checkOptions('batchNorm', options, rules);
  return (scope, x) => {
    const channels = x.shape[1]!;
    const gamma = scope.parameter('weight', { shape: [channels], initialiser: fill(1), decays: false });
    return scope.batchNorm(x, { gamma, beta: biasOf(scope, channels) }, { ...batchNormDefaults, ...options });
  };
}
