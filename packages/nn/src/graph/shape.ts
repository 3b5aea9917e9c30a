import { NetworkError } from '../errors/network-error.ts';

/** Sizes per axis, outermost first; images are [N, C, H, W]. `[]` is a scalar. */
export type Shape = readonly number[];

/** Element types of tensors in a graph. */
export type ElementType = 'float32' | 'uint8' | 'int64' | 'bool';

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** `[8, 3, 160, 160]`, for messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two shapes have the same sizes in the same order. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Distances in elements between neighbours along each axis of a row-major array. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** The common shape of two operands by NumPy's rule: aligned at the last axis, size 1 stretches. */
export function broadcastShapes(a: Shape, b: Shape, operator: string): number[] {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const sizeA = a[a.length - rank + i] ?? 1;
    const sizeB = b[b.length - rank + i] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new NetworkError(
        'shape-mismatch',
        `${operator}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast (axis ${i}: ${sizeA} and ${sizeB})`,
      );
    }
    result[i] = sizeA === 1 ? sizeB : sizeA;
  }
  return result;
}
