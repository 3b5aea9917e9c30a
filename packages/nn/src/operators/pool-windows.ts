import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { imageSizes, type PerAxis, perAxis } from './image.ts';

export interface PoolOptions {
  readonly kernel: PerAxis;
  /** Default: the kernel, so that windows do not overlap. */
  readonly stride?: PerAxis;
  /** Padding: the same on all sides, one per axis for both sides, or all begins and then all ends. Default 0. */
  readonly pads?: PerAxis;
  /** Keep a last window that reaches beyond the end, if it begins inside (PyTorch's rule). Default false. */
  readonly ceilMode?: boolean;
}

export interface PoolAttributes {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Begins of all axes, then ends, as in ONNX. */
  readonly pads: readonly number[];
  readonly ceilMode: boolean;
}

/**
 * The options of a pooling with a number for each axis of the image [N, C, ...S]. Throws a `NetworkError`
 * ('value-invalid').
 */
export function poolAttributes(name: string, x: Tensor, options: PoolOptions): PoolAttributes {
  const rank = imageSizes(name, x).spatial.length;
  const { pads = 0, ceilMode = false } = options;
  const kernel = perAxis(name, 'kernel', options.kernel, rank, 1);
  const stride = perAxis(name, 'stride', options.stride ?? kernel, rank, 1);
  const both = typeof pads === 'number' || pads.length === rank;
  const sides = both ? perAxis(name, 'pads', pads, rank, 0) : perAxis(name, 'pads', pads, 2 * rank, 0);
  return { kernel, stride, pads: both ? [...sides, ...sides] : sides, ceilMode };
}

/** Shape of the pooled image; every window holds at least one element. */
export function pooledShape(
  name: string,
  x: Tensor,
  { kernel, stride, pads, ceilMode }: PoolAttributes,
): Shape {
  const { n, c, spatial } = imageSizes(name, x);
  const rank = spatial.length;
  const pooled = spatial.map((size, axis) => {
    const padded = size + pads[axis]! + pads[rank + axis]!;
    const steps = (padded - kernel[axis]!) / stride[axis]!;
    if (!ceilMode) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    return (count - 1) * stride[axis]! >= size + pads[axis]! ? count - 1 : count;
  });
  const isPadded = pads.some((size, side) => size >= kernel[side % rank]!);
  if (isPadded || pooled.some((size) => size < 1)) {
    throw new NetworkError(
      'shape-mismatch',
      `${name}: kernel ${formatShape(kernel)} with pads ${formatShape(pads)} does not suit ${formatShape(x.shape)}: pads must be smaller than the kernel, and the kernel not larger than the padded image`,
    );
  }
  return [n, c, ...pooled];
}

/** What must follow every axis of `x` for the last window to be whole (negative where elements are left over). */
export function missingAtEnd(x: Shape, pooled: Shape, { kernel, stride, pads }: PoolAttributes): number[] {
  return kernel.map((size, axis) => {
    return (pooled[axis + 2]! - 1) * stride[axis]! + size - x[axis + 2]! - pads[axis]!;
  });
}

/** Pads with which floor mode gives the shape that was inferred. With open sizes, ONNX must round by itself. */
export function onnxPooling(x: Shape, pooled: Shape, attributes: PoolAttributes, dynamic: boolean) {
  const { kernel, stride, pads, ceilMode } = attributes;
  const ends = missingAtEnd(x, pooled, attributes).map((size, axis) =>
    Math.max(size, pads[kernel.length + axis]!),
  );
  const useEnds = ceilMode && !dynamic;
  return {
    kernel_shape: { ints: kernel },
    strides: { ints: stride },
    pads: { ints: useEnds ? [...pads.slice(0, kernel.length), ...ends] : pads },
    ...(ceilMode && dynamic && { ceil_mode: { int: 1 } }),
  };
}

/** Elements of one axis that each window sees: [first, end) inside the image. */
function spans(size: number, count: number, kernel: number, stride: number, before: number) {
  const starts = Array.from({ length: count }, (_, i) => i * stride - before);
  return {
    first: starts.map((start) => Math.max(start, 0)),
    end: starts.map((start) => Math.min(start + kernel, size)),
  };
}

/** The elements of one window: offset of its plane in the image, and the ranges of the last three axes. */
export interface Window {
  plane: number;
  z0: number;
  z1: number;
  y0: number;
  y1: number;
  x0: number;
  x1: number;
}

/** Calls `visit` for every window, in the order of the pooled array; `window` is the same object every time. */
export function forEachWindow(
  image: Shape,
  pooled: Shape,
  { kernel, stride, pads }: PoolAttributes,
  visit: (index: number, window: Window, height: number, width: number) => void,
): void {
  const lead = new Array<number>(3 - kernel.length).fill(1);
  const sizes = [...lead, ...image.slice(2)] as [number, number, number];
  const counts = [...lead, ...pooled.slice(2)] as [number, number, number];
  const [depths, rows, columns] = sizes.map((size, i) => {
    const axis = i - lead.length;
    return axis < 0
      ? spans(1, 1, 1, 1, 0)
      : spans(size, counts[i]!, kernel[axis]!, stride[axis]!, pads[axis]!);
  });
  const [depth, height, width] = sizes;
  const window: Window = { plane: 0, z0: 0, z1: 0, y0: 0, y1: 0, x0: 0, x1: 0 };
  let index = 0;
  for (let plane = 0; plane < image[0]! * image[1]!; plane++) {
    window.plane = plane * depth * height * width;
    for (let i = 0; i < counts[0]; i++) {
      window.z0 = depths!.first[i]!;
      window.z1 = depths!.end[i]!;
      for (let j = 0; j < counts[1]; j++) {
        window.y0 = rows!.first[j]!;
        window.y1 = rows!.end[j]!;
        for (let k = 0; k < counts[2]; k++) {
          window.x0 = columns!.first[k]!;
          window.x1 = columns!.end[k]!;
          visit(index++, window, height, width);
        }
      }
    }
  }
}
