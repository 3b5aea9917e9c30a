import { NetworkError } from '../../errors/network-error.ts';
import { shapeError } from '../../graph/origin.ts';
import { formatShape, sizeOf } from '../../graph/shape.ts';
import { constant, input, scalar, type Tensor } from '../../graph/tensor.ts';
import type { ScopeSource } from '../../layers/scope.ts';
import { batchNorm } from '../../operators/batch-norm.ts';
import { add, mul, sub } from '../../operators/elementwise.ts';
import { concat } from '../../operators/layout.ts';
import type { DeclaredNorm } from '../declarations.ts';
import type { MaskInput } from '../dropout-masks.ts';
import type { NetworkLayout } from '../layout.ts';
import type { Weights } from '../weights.ts';
import { inferenceScope } from './inference-scope.ts';

export interface TrainingScope extends ScopeSource {
  /** One for each dropout that the forward graph has. */
  readonly masks: readonly MaskInput[];
  /** The flat running statistics after this batch; call it after the forward graph was built. */
  nextStatistics(statistics: Tensor): Tensor;
}

/**
 * A network in training with the given parameters: norms use the statistics of the batch, dropout multiplies by a mask
 * that is fed. What the layout says is frozen is as in inference, from `frozen`.
 */
export function trainingScope(
  layout: NetworkLayout,
  parameters: ReadonlyMap<string, Tensor>,
  frozen: Weights,
): TrainingScope {
  const norms = new Set(layout.norms.map(({ name }) => name));
  const fixed = inferenceScope(frozen, { folded: true });
  const masks: MaskInput[] = [];
  const batchStatistics = new Map<string, Tensor>();

  return {
    masks,
    parameter: (name, spec) => parameters.get(name) ?? fixed.parameter(name, spec),
    dropout: (name, x, rate) => {
      if (!(rate >= 0 && rate < 1)) {
        throw new NetworkError('value-invalid', `${name}: a dropout rate lies in [0, 1), found ${rate}`);
      }
      if (rate === 0) return x;
      const mask = { name: `mask/${masks.length}`, shape: x.shape, rate };
      masks.push(mask);
      return mul(x, input(mask.name, mask.shape));
    },
    batchNorm: (name, x, affine, options) => {
      if (!norms.has(name)) return fixed.batchNorm(name, x, affine, options);
      const count = sizeOf(x.shape) / x.shape[1]!;
      if (count === 1) {
        throw shapeError(
          `${name}: batch norm over one number per channel, ${formatShape(x.shape)}, makes every number 0; take larger batches or images, or freeze the norm`,
        );
      }
      const { result, mean, variance } = batchNorm(x, affine.gamma, affine.beta, options.epsilon);
      // The running variance is the unbiased one, as in PyTorch.
      const unbiased = mul(variance, scalar(count / (count - 1)));
      batchStatistics.set(name, concat([mean, unbiased], 0));
      return result;
    },
    nextStatistics: (statistics) => {
      const batch = concat(
        layout.norms.map(({ name }) => batchStatistics.get(name)!),
        0,
      );
      return add(statistics, mul(sub(batch, statistics), shareOfBatch(layout.norms)));
    },
  };
}

/** The momentum of each norm, for each of its statistics. */
function shareOfBatch(norms: readonly DeclaredNorm[]): Tensor {
  const shares = norms.flatMap(({ channels, options }) =>
    new Array<number>(2 * channels).fill(options.momentum),
  );
  return constant(shares, [shares.length]);
}
