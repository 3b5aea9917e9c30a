import { type Shape, sameShape, sizeOf, stridesOf } from '../graph/shape.ts';

/**
 * Walks all indices of `shape` in row-major order, in runs along the last axis: `visit` gets the row-major offset of a
 * run, its offset by `strides`, its length and its stride.
 */
export function forEachRun(
  shape: Shape,
  strides: readonly number[],
  visit: (offset: number, strided: number, length: number, stride: number) => void,
): void {
  const last = shape.length - 1;
  const length = shape[last] ?? 1;
  const stride = strides[last] ?? 0;
  const count = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  let strided = 0;
  for (let offset = 0; offset < count; offset += length) {
    visit(offset, strided, length, stride);
    for (let axis = last - 1; axis >= 0; axis--) {
      strided += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      strided -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Calls `visit` with the row-major offset and the offset by `strides` of every index of `shape`. */
export function forEachIndex(
  shape: Shape,
  strides: readonly number[],
  visit: (offset: number, strided: number) => void,
): void {
  forEachRun(shape, strides, (offset, strided, length, stride) => {
    for (let i = 0; i < length; i++) visit(offset + i, strided + i * stride);
  });
}

/** The elements of `values` at `start` and the offsets by `strides`, as a row-major array of `shape`. */
export function gather(
  values: Float64Array,
  shape: Shape,
  strides: readonly number[],
  start = 0,
): Float64Array {
  const result = new Float64Array(sizeOf(shape));
  forEachRun(shape, strides, (to, offset, length, stride) => {
    const from = start + offset;
    if (stride === 1) result.set(values.subarray(from, from + length), to);
    else for (let i = 0; i < length; i++) result[to + i] = values[from + i * stride]!;
  });
  return result;
}

/** Strides with which an array of `shape` is read as if it were stretched to `target`. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]!));
}

/** The values of an array stretched to `target` by NumPy's rule; not a copy where nothing is stretched. */
export function stretched(values: Float64Array, shape: Shape, target: Shape): Float64Array {
  if (sameShape(shape, target)) return values;
  return gather(values, target, broadcastStrides(shape, target));
}
