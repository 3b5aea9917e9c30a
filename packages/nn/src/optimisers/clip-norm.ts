import { scalar, type Tensor } from '../graph/tensor.ts';
import { add, div, greater, mul, sqrt, where } from '../operators/elementwise.ts';
import { reduceSumSquare } from '../operators/reduce.ts';

/** Euclidean norm of all vectors together. */
export function globalNorm(vectors: readonly Tensor[]): Tensor {
  return sqrt(vectors.map((vector) => reduceSumSquare(vector, [0])).reduce(add));
}

/**
 * Vectors of the norm `norm` together, scaled down to `limit` where it is larger, by PyTorch's formula:
 * min(1, limit / (norm + 1e-6)).
 */
export function clipNorm(vectors: readonly Tensor[], norm: Tensor, limit: number): Tensor[] {
  const share = div(scalar(limit), add(norm, scalar(1e-6)));
  const factor = where(greater(share, scalar(1)), scalar(1), share);
  return vectors.map((vector) => mul(vector, factor));
}
