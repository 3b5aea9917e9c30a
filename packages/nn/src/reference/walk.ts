import { type Shape, sizeOf, stridesOf } from '../graph/shape.ts';

/** Calls `visit` with the row-major offset and the offset by `strides` of every index of `shape`. */
export function forEachIndex(
  shape: Shape,
  strides: readonly number[],
  visit: (offset: number, strided: number) => void,
): void {
  const count = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  let strided = 0;
  for (let offset = 0; offset < count; offset++) {
    visit(offset, strided);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      strided += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      strided -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Strides with which an array of `shape` is read as if it were stretched to `target`. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const lead = target.length - shape.length;
  return target.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]!));
}
