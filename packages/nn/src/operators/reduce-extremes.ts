import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, constant, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { equal, where } from './elementwise.ts';
import { reshape } from './layout.ts';
import { emitReduce, fold, inferReduce, type ReduceAttributes, reducedShape } from './reduce.ts';

/** `worst` is what every element is picked over. */
function extremeOperator(
  name: string,
  type: string,
  worst: number,
  pick: (a: number, b: number) => number,
): Operator<ReduceAttributes> {
  const operator: Operator<ReduceAttributes> = {
    name,
    infer: ([source], attributes) => inferReduce(name, source!, attributes),
    gradient: (result, upstream) => [firstOfEqual(result, upstream, attributesOf(operator, result))],
    emit: emitReduce(type),
    evaluate: (result, [source]) => fold(source!, attributesOf(operator, result), worst, pick),
  };
  return operator;
}

/** Larger row-major numbers than this are not whole in float32. */
const mostNumbered = 2 ** 24;

/** dy at the first element, in row-major order, that equals the result; 0 elsewhere. */
function firstOfEqual(result: Tensor, dy: Tensor, { axes }: ReduceAttributes): Tensor {
  const source = result.inputs[0]!;
  const kept = reducedShape(source.shape, { axes, keepDims: true });
  const numbered = source.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  if (sizeOf(numbered) > mostNumbered) {
    throw new NetworkError(
      'unsupported',
      `${result.operator.name}: ${formatShape(source.shape)} over the axes ${formatShape(axes)} is too large for a gradient: expected at most ${mostNumbered} elements each`,
    );
  }
  const order = constant(
    Float32Array.from({ length: sizeOf(numbered) }, (_, i) => i),
    numbered,
  );
  const places = where(equal(source, reshape(result, kept)), order, scalar(mostNumbered));
  const first = apply(reduceMinOperator, [places], { axes, keepDims: true });
  return where(equal(places, first), reshape(dy, kept), scalar(0));
}

/** y = the largest element over `axes`; dx = dy at it, at the first in row-major order of several. */
export const reduceMaxOperator = extremeOperator('reduceMax', 'ReduceMax', Number.NEGATIVE_INFINITY, (a, b) =>
  Math.max(a, b),
);

/** y = the smallest element over `axes`; dx = dy at it, at the first in row-major order of several. */
export const reduceMinOperator = extremeOperator('reduceMin', 'ReduceMin', Number.POSITIVE_INFINITY, (a, b) =>
  Math.min(a, b),
);

/** Largest element over `axes` (all of them when left out); the axes stay with size 1 when `keepDims`. */
export function reduceMax(
  source: Tensor,
  axes: readonly number[] = source.shape.map((_, axis) => axis),
  keepDims = false,
): Tensor {
  return axes.length === 0 ? source : apply(reduceMaxOperator, [source], { axes, keepDims });
}

/** Smallest element over `axes` (all of them when left out); the axes stay with size 1 when `keepDims`. */
export function reduceMin(
  source: Tensor,
  axes: readonly number[] = source.shape.map((_, axis) => axis),
  keepDims = false,
): Tensor {
  return axes.length === 0 ? source : apply(reduceMinOperator, [source], { axes, keepDims });
}
