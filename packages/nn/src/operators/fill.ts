import { type Shape, sizeOf } from '../graph/shape.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { expand } from './reduce.ts';

/** A tensor filled with `value`, stretched from one number when the graph runs. */
export function filled(value: number, shape: Shape): Tensor {
  return sizeOf(shape) <= 1
    ? constant(new Float32Array(sizeOf(shape)).fill(value), shape)
    : expand(constant([value], []), shape);
}

/** Zeros of a shape. */
export function zeros(shape: Shape): Tensor {
  return filled(0, shape);
}
