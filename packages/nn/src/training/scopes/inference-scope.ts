import { constant } from '../../graph/tensor.ts';
import type { ScopeSource } from '../../layers/scope.ts';
import { batchNormWithStatistics } from '../../operators/batch-norm.ts';
import { meanName, varianceName } from '../declarations.ts';
import { type Weights, weightOf } from '../weights.ts';
import { fixedNorm } from './fixed-norm.ts';

/**
 * A trained network: constant weights, running statistics, no dropout. With `folded` norms lie in the convolutions
 * before them, for speed; without they are computed as they are written, to check the folded ones against, and every
 * constant keeps its name.
 */
export function inferenceScope(weights: Weights, { folded }: { readonly folded: boolean }): ScopeSource {
  const fixed = (name: string, shape: readonly number[]) =>
    constant(weightOf(weights, name, shape).values, shape, folded ? undefined : name);
  return {
    dropout: (_, x) => x,
    parameter: (name, { shape }) => fixed(name, shape),
    batchNorm: (name, x, affine, { epsilon }) => {
      const perChannel = [x.shape[1]!];
      const mean = fixed(meanName(name), perChannel);
      const variance = fixed(varianceName(name), perChannel);
      return folded
        ? fixedNorm(x, affine, { mean, variance, epsilon })
        : batchNormWithStatistics(x, affine.gamma, affine.beta, mean, variance, epsilon);
    },
  };
}
