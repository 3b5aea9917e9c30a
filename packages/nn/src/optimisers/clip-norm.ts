import { sizeOf } from '../graph/shape.ts';
import { scalar, type Tensor } from '../graph/tensor.ts';
import { add, div, greater, sqrt, where } from '../operators/elementwise.ts';
import { concat, reshape } from '../operators/layout.ts';
import { reduceSumSquare } from '../operators/reduce-sum-square.ts';

/** Euclidean norm of all arrays together. */
export function globalNorm(arrays: readonly Tensor[]): Tensor {
  const isSmall = ({ shape }: Tensor) => sizeOf(shape) < small;
  const flat = arrays.filter(isSmall).map((array) => reshape(array, [sizeOf(array.shape)]));
  const joint = flat.length === 0 ? [] : [concat(flat, 0)];
  const all = [...arrays.filter((array) => !isSmall(array)), ...joint];
  return sqrt(all.map((array) => reduceSumSquare(array, [...array.shape.keys()])).reduce(add));
}

/** Below this length, joining arrays is faster than summing over each. */
const small = 2 ** 14;

/** What scales a gradient of the norm `norm` down to `limit` where it is larger, as in PyTorch: min(1, limit / (norm + 1e-6)). */
export function clipFactor(norm: Tensor, limit: number): Tensor {
  const share = div(scalar(limit), add(norm, scalar(1e-6)));
  return where(greater(share, scalar(1)), scalar(1), share);
}
