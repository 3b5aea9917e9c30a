import { NetworkError } from '../errors/network-error.ts';
import { constant, scalar, type Tensor } from '../graph/tensor.ts';
import { batchNormDefaults } from '../layers/batch-norm.ts';
import type { ScopeSource } from '../layers/scope.ts';
import { batchNorm, batchNormWithStatistics } from '../operators/batch-norm.ts';
import { convolution, convolutionAttributes, convolutionOperator } from '../operators/convolution.ts';
import { add, div, mul, sqrt, sub } from '../operators/elementwise.ts';
import { concat, reshape, slice } from '../operators/layout.ts';
import type { NetworkLayout, Placed } from './layout.ts';

/** A part of a flat vector, in its shape. */
export function partOf(flat: Tensor, { offset, size, shape }: Placed): Tensor {
  return reshape(slice(flat, 0, offset, offset + size), shape);
}

function find<T extends Placed>(items: readonly T[], name: string): T {
  const found = items.find((item) => item.name === name);
  if (found === undefined) throw new NetworkError('value-invalid', `the network has no '${name}'`);
  return found;
}

export interface TrainingScope extends ScopeSource {
  /** The parameters in the order of the layout: what the loss is differentiated by. */
  readonly parameters: readonly Tensor[];
  /** The flat running statistics after this batch; call it after the forward graph was built. */
  nextStatistics(statistics: Tensor): Tensor;
}

/** Batch statistics; parameters are parts of the flat vector. */
export function trainingScope(layout: NetworkLayout, flatParameters: Tensor): TrainingScope {
  const parameters = layout.parameters.map((placed) => partOf(flatParameters, placed));
  const fresh = new Map<string, Tensor>();
  return {
    parameters,
    dropout: (_, x) => x,
    parameter: (name) => parameters[layout.parameters.indexOf(find(layout.parameters, name))]!,
    batchNorm: (name, x, { gamma, beta }, { epsilon }) => {
      const { result, mean, variance } = batchNorm(x, gamma, beta, epsilon);
      // The running variance is the unbiased one, as in PyTorch.
      const count = x.shape[0]! * x.shape[2]! * x.shape[3]!;
      fresh.set(`${name}.running_mean`, mean);
      fresh.set(`${name}.running_var`, mul(variance, scalar(count / Math.max(count - 1, 1))));
      return result;
    },
    nextStatistics: (statistics) => {
      if (layout.statistics.length === 0) return statistics;
      const batch = concat(
        layout.statistics.map(({ name }) => fresh.get(name)!),
        0,
      );
      return add(statistics, mul(sub(batch, statistics), scalar(batchNormDefaults.momentum)));
    },
  };
}

/** Running statistics; parameters and statistics are parts of flat vectors. */
export function evaluationScope(
  layout: NetworkLayout,
  flatParameters: Tensor,
  flatStatistics: Tensor,
): ScopeSource {
  return {
    dropout: (_, x) => x,
    parameter: (name) => partOf(flatParameters, find(layout.parameters, name)),
    batchNorm: (name, x, { gamma, beta }, { epsilon }) => {
      const mean = partOf(flatStatistics, find(layout.statistics, `${name}.running_mean`));
      const variance = partOf(flatStatistics, find(layout.statistics, `${name}.running_var`));
      return batchNormWithStatistics(x, gamma, beta, mean, variance, epsilon);
    },
  };
}

/**
 * Constants for export: every norm that follows a convolution is folded into its weights and bias:
 * w' = w gamma / sd, b' = beta + (b - mean) gamma / sd. Fold the constants of the finished graph.
 */
export function exportScope(
  layout: NetworkLayout,
  parameters: Float32Array,
  statistics: Float32Array,
): ScopeSource {
  const constantPart = (values: Float32Array, { offset, size, shape }: Placed) =>
    constant(values.slice(offset, offset + size), shape);
  return {
    dropout: (_, x) => x,
    parameter: (name) => constantPart(parameters, find(layout.parameters, name)),
    batchNorm: (name, x, { gamma, beta }, { epsilon }) => {
      const mean = constantPart(statistics, find(layout.statistics, `${name}.running_mean`));
      const variance = constantPart(statistics, find(layout.statistics, `${name}.running_var`));
      if (x.operator.name !== convolutionOperator.name) {
        return batchNormWithStatistics(x, gamma, beta, mean, variance, epsilon);
      }
      const [image, weight, bias] = x.inputs as [Tensor, Tensor, Tensor?];
      const slope = div(gamma, sqrt(add(variance, scalar(epsilon))));
      const shift = bias === undefined ? mean : sub(mean, bias);
      return convolution(image, mul(weight, reshape(slope, [slope.shape[0]!, 1, 1, 1])), {
        ...convolutionAttributes(x),
        bias: sub(beta, mul(shift, slope)),
      });
    },
  };
}
