import { foldConstants } from '../../graph/fold-constants.ts';
import { constantOperator, scalar, type Tensor } from '../../graph/tensor.ts';
import type { Affine } from '../../layers/scope.ts';
import { batchNormWithStatistics } from '../../operators/batch-norm.ts';
import { convolution, convolutionAttributes, convolutionOperator } from '../../operators/convolution.ts';
import { add, div, mul, sqrt, sub } from '../../operators/elementwise.ts';
import { reshape } from '../../operators/layout.ts';

export interface FixedStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly epsilon: number;
}

/**
 * A norm whose numbers are all constants. After a convolution with constant weights it is folded into them:
 * w' = w gamma / sd, b' = beta + (b - mean) gamma / sd, computed at once.
 */
export function fixedNorm(
  x: Tensor,
  { gamma, beta }: Affine,
  { mean, variance, epsilon }: FixedStatistics,
): Tensor {
  if (x.operator.name !== convolutionOperator.name || !x.inputs.slice(1).every(isConstant)) {
    return batchNormWithStatistics(x, gamma, beta, mean, variance, epsilon);
  }
  const [image, weight, bias] = x.inputs as [Tensor, Tensor, Tensor?];
  const slope = div(gamma, sqrt(add(variance, scalar(epsilon))));
  const shift = bias === undefined ? mean : sub(mean, bias);
  const perFilter = weight.shape.map((size, axis) => (axis === 0 ? size : 1));
  const [foldedWeight, foldedBias] = foldConstants([
    mul(weight, reshape(slope, perFilter)),
    sub(beta, mul(shift, slope)),
  ]);
  return convolution(image, foldedWeight!, { ...convolutionAttributes(x), bias: foldedBias! });
}

function isConstant({ operator }: Tensor): boolean {
  return operator.name === constantOperator.name;
}
