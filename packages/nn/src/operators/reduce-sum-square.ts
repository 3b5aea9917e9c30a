import { apply, attributesOf, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { mul } from './elementwise.ts';
import { reshape } from './layout.ts';
import { emitReduce, fold, inferReduce, type ReduceAttributes, reducedShape } from './reduce.ts';

/** y = sum of x^2 over `axes`; dx = 2 x dy. */
export const reduceSumSquareOperator: Operator<ReduceAttributes> = {
  name: 'reduceSumSquare',
  infer: ([source], attributes) => inferReduce('reduceSumSquare', source!, attributes),
  gradient: (result, dy) => {
    const source = result.inputs[0]!;
    const { axes } = attributesOf(reduceSumSquareOperator, result);
    const kept = reducedShape(source.shape, { axes, keepDims: true });
    return [mul(source, mul(reshape(dy, kept), scalar(2)))];
  },
  emit: emitReduce('ReduceSumSquare'),
  evaluate: (result, [source]) =>
    fold(source!, attributesOf(reduceSumSquareOperator, result), 0, (sum, value) => sum + value * value),
};

/** Sum of the squares over `axes`; the axes stay with size 1 when `keepDims`. */
export function reduceSumSquare(source: Tensor, axes: readonly number[], keepDims = false): Tensor {
  return apply(reduceSumSquareOperator, [source], { axes, keepDims });
}
