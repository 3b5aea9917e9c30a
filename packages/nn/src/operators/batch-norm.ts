import { withGradient } from '../graph/composite.ts';
import { sizeOf } from '../graph/shape.ts';
import { scalar, type Tensor } from '../graph/tensor.ts';
import { channelAffine, perChannel } from './channel-affine.ts';
import { add, div, mul, neg, sqrt, sub } from './elementwise.ts';
import { imageSizes, spatialAxes } from './image.ts';
import { reduceSum } from './reduce.ts';

export interface NormalisedBatch {
  readonly result: Tensor;
  /** Mean of the batch per channel [C]; carries no gradient. */
  readonly mean: Tensor;
  /** Variance of the batch per channel [C], divided by the number of elements; carries no gradient. */
  readonly variance: Tensor;
}

/**
 * Batch normalisation of [N, C, ...S] with the statistics of the batch (Ioffe and Szegedy, 2015), per channel:
 * y = gamma z + beta with z = (x - mean) / sqrt(var + epsilon); two passes: var = mean of (x - mean)^2.
 * dbeta = sum dy; dgamma = sum dy z; dx = gamma / sd (dy - mean dy - z mean(dy z)).
 */
export function batchNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): NormalisedBatch {
  const { n, spatial } = imageSizes('batchNorm', x, 0);
  const count = scalar(n * sizeOf(spatial));
  const pixels = [0, ...spatialAxes(x)];
  const mean = div(reduceSum(x, pixels), count);
  const centred = sub(x, perChannel(mean, x));
  // Sums of products, not ReduceSumSquare: ONNX Runtime is twice as fast at them.
  const variance = div(reduceSum(mul(centred, centred), pixels), count);
  const inverse = div(scalar(1), sqrt(add(variance, scalar(epsilon))));
  const slope = mul(gamma, inverse);
  const result = withGradient('batchNorm', channelAffine(centred, slope, beta), [x, gamma, beta], (dy) => {
    const dBeta = reduceSum(dy, pixels);
    const dGamma = mul(reduceSum(mul(dy, centred), pixels), inverse);
    // dx = slope dy + a + b (x - mean): coefficients per channel first, so that the pixels see few passes.
    const a = neg(mul(slope, div(dBeta, count)));
    const b = neg(mul(mul(slope, inverse), div(dGamma, count)));
    return [channelAffine(dy, slope, a, mul(centred, perChannel(b, x))), dGamma, dBeta];
  });
  return { result, mean, variance };
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
  const slope = div(gamma, sqrt(add(variance, scalar(epsilon))));
  return channelAffine(x, slope, sub(beta, mul(mean, slope)));
}
