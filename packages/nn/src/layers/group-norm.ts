import type { Tensor } from '../graph/tensor.ts';
import { groupNorm as groupNormOf, instanceNorm as instanceNormOf } from '../operators/group-norm.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { count, flag, optional, positive } from '../options/rules.ts';
import { biasOf } from './convolution.ts';
import type { Layer } from './layer.ts';
import { fill, type Scope } from './scope.ts';

export interface GroupNormLayerOptions {
  /** Added to the variance; default 1e-5, as in PyTorch. */
  readonly epsilon?: number;
  /** Whether there are a gain `weight` and a shift `bias` per channel; default true. */
  readonly affine?: boolean;
}

const rules: Rules<GroupNormLayerOptions> = { epsilon: optional(positive), affine: optional(flag) };

/** Every group of channels of every image [N, C, ...S] by its own mean and variance, with `weight` and `bias` [C]. */
export function groupNorm(groups: number, options: GroupNormLayerOptions = {}): Layer {
  checkValue('groupNorm: groups', groups, count);
  checkOptions('groupNorm', options, rules);
  return (scope, x) => groupNormOf(x, groups, optionsOf(scope, x, options));
}

/**
 * Every channel of every image [N, C, ...S] by its own mean and variance, with `weight` and `bias` [C] (which PyTorch's
 * InstanceNorm has with `affine=True` only).
 */
export function instanceNorm(options: GroupNormLayerOptions = {}): Layer {
  checkOptions('instanceNorm', options, rules);
  return (scope, x) => instanceNormOf(x, optionsOf(scope, x, options));
}

function optionsOf(scope: Scope, x: Tensor, { epsilon = 1e-5, affine = true }: GroupNormLayerOptions) {
  if (!affine) return { epsilon };
  const channels = x.shape[1]!;
  const gamma = scope.parameter('weight', { shape: [channels], initialiser: fill(1), decays: false });
  return { epsilon, gamma, beta: biasOf(scope, channels) };
}
