import { sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { mul } from './elementwise.ts';
import { reshape } from './layout.ts';
import { emitReduce, expand, fold, inferReduce, type ReduceAttributes, reducedShape } from './reduce.ts';

/** y = mean of x over `axes`. dx = dy / number of elements, stretched. */
export const reduceMeanOperator: Operator<ReduceAttributes> = {
  name: 'reduceMean',
  infer: ([source], attributes) => inferReduce('reduceMean', source!, attributes),
  gradient: (result, upstream) => {
    const { shape } = result.inputs[0]!;
    const kept = reducedShape(shape, { ...attributesOf(reduceMeanOperator, result), keepDims: true });
    const share = mul(reshape(upstream, kept), scalar(sizeOf(kept) / sizeOf(shape)));
    return [expand(share, shape)];
  },
  emit: emitReduce('ReduceMean'),
  evaluate: (result, [source]) => {
    const sums = fold(source!, attributesOf(reduceMeanOperator, result), 0, (sum, value) => sum + value);
    return sums.map((sum) => (sum * sums.length) / source!.values.length);
  },
};

/** Mean over `axes` (all of them when left out); the axes stay with size 1 when `keepDims`. */
export function reduceMean(
  source: Tensor,
  axes: readonly number[] = source.shape.map((_, axis) => axis),
  keepDims = false,
): Tensor {
  return axes.length === 0 ? source : apply(reduceMeanOperator, [source], { axes, keepDims });
}
