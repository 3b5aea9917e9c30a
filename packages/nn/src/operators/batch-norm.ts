import { withGradient } from '../graph/composite.ts';
import { scalar, type Tensor } from '../graph/tensor.ts';
import { add, div, mul, sqrt, sub } from './elementwise.ts';
import { imageShape, reshape } from './layout.ts';
import { reduceSum, reduceSumSquare } from './reduce.ts';

export interface NormalisedBatch {
  readonly result: Tensor;
  /** Mean of the batch per channel [C]; carries no gradient. */
  readonly mean: Tensor;
  /** Variance of the batch per channel [C], divided by the number of elements; carries no gradient. */
  readonly variance: Tensor;
}

/**
 * Batch normalisation with the statistics of the batch (Ioffe and Szegedy, 2015), per channel:
 * y = gamma z + beta with z = (x - mean) / sqrt(var + epsilon); two passes: var = mean of (x - mean)^2.
 * dbeta = sum dy; dgamma = sum dy z; dx = gamma / sd (dy - mean dy - z mean(dy z)).
 */
export function batchNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): NormalisedBatch {
  const [n, c, h, w] = imageShape('batchNorm', x);
  const count = scalar(n * h * w);
  const axes = [0, 2, 3];
  const wide = [c, 1, 1];
  const mean = div(reduceSum(x, axes, true), count);
  const centred = sub(x, mean);
  const variance = div(reduceSumSquare(centred, axes, true), count);
  const inverse = div(scalar(1), sqrt(add(variance, scalar(epsilon))));
  const slope = mul(reshape(gamma, wide), inverse);
  const result = withGradient(
    'batchNorm',
    add(mul(centred, slope), reshape(beta, wide)),
    [x, gamma, beta],
    (dy) => {
      const sumDy = reduceSum(dy, axes, true);
      const sumDyZ = mul(reduceSum(mul(dy, centred), axes, true), inverse);
      // dx = slope dy - a - b (x - mean): coefficients per channel first, so that the pixels see few passes.
      const a = mul(slope, div(sumDy, count));
      const b = mul(mul(slope, inverse), div(sumDyZ, count));
      const dx = sub(sub(mul(dy, slope), mul(centred, b)), a);
      return [dx, reshape(sumDyZ, gamma.shape), reshape(sumDy, beta.shape)];
    },
  );
  return { result, mean: reshape(mean, [c]), variance: reshape(variance, [c]) };
}

/** Batch normalisation with given statistics [C]: y = gamma (x - mean) / sqrt(var + epsilon) + beta. */
export function batchNormWithStatistics(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  mean: Tensor,
  variance: Tensor,
  epsilon: number,
): Tensor {
  const wide = [x.shape[1]!, 1, 1];
  const slope = div(gamma, sqrt(add(variance, scalar(epsilon))));
  const shift = sub(beta, mul(mean, slope));
  return add(mul(x, reshape(slope, wide)), reshape(shift, wide));
}
