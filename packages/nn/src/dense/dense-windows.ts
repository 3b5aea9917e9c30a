import type { Tensor } from '../graph/tensor.ts';
import { constant } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { greater, where } from '../operators/elementwise.ts';
import { slice } from '../operators/layout.ts';
import { pad } from '../operators/pad.ts';
import { maxPool } from '../operators/pooling.ts';
import type { DenseMap } from './dense-value.ts';

/** Kernel, stride, dilation and zeros of a convolution or pooling, per axis; pads as in ONNX. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
}

/** How windows are taken from a dense map, and where their results lie. */
export interface DenseWindows extends Windows {
  readonly next: Pick<DenseMap, 'stride' | 'dilation'>;
}

/**
 * Strides are kept while windows still start at multiples of `outputStride` pixels; later ones become dilations of all that
 * follows (d-regularly sparse kernels; Li, Zhao and Wang, 2014, arXiv 1412.4526). Zeros around a patch become what
 * lies there in the image.
 */
export function denseWindows(map: DenseMap, windows: Windows, outputStride: readonly number[]): DenseWindows {
  const { kernel, stride, dilation, pads } = windows;
  const rank = kernel.length;
  const kept = stride.map((step, axis) => {
    return map.dilation[axis] === 1 && outputStride[axis]! % (map.stride[axis]! * step) === 0;
  });
  return {
    kernel,
    stride: stride.map((step, axis) => (kept[axis] ? step : 1)),
    dilation: dilation.map((step, axis) => step * map.dilation[axis]!),
    pads: pads.map((size, side) => size * map.dilation[side % rank]!),
    next: {
      stride: map.stride.map((step, axis) => (kept[axis] ? step * stride[axis]! : step)),
      dilation: map.dilation.map((step, axis) => (kept[axis] ? step : step * stride[axis]!)),
    },
  };
}

/** Stands for -infinity, as in the padding of max-pooling. */
const lowest = -3.4028234663852886e38;

/** Max-pooling with dilation, axis by axis: the largest of as many shifted copies as the kernel is long. */
export function denseMaxPool(x: Tensor, { kernel, stride, dilation, pads }: Windows): Tensor {
  if (dilation.every((step) => step === 1)) return maxPool(x, { kernel, stride, pads });
  const rank = kernel.length;
  const around = (sizes: readonly number[]) => [0, 0, ...sizes];
  const hasPads = pads.some((size) => size > 0);
  const padded = hasPads ? pad(x, around(pads.slice(0, rank)), around(pads.slice(rank)), lowest) : x;
  return kernel.reduce((image, size, axis) => {
    const length = image.shape[axis + 2]! - (size - 1) * dilation[axis]!;
    const shifted = Array.from({ length: size }, (_, tap) => {
      return slice(image, axis + 2, tap * dilation[axis]!, tap * dilation[axis]! + length, stride[axis]!);
    });
    return shifted.reduce((a, b) => where(greater(b, a), b, a));
  }, padded);
}

/** Means over windows, axis by axis, as depthwise convolutions; zeros of the padding count. */
export function denseMeans(x: Tensor, { kernel, stride, dilation, pads }: Windows): Tensor {
  const channels = x.shape[1]!;
  const rank = kernel.length;
  const ones = new Array<number>(rank).fill(1);
  return kernel.reduce((image, size, axis) => {
    if (size === 1 && stride[axis] === 1) return image;
    const shares = new Float32Array(channels * size).fill(1 / size);
    const none = new Array<number>(2 * rank).fill(0);
    return convolution(image, constant(shares, [channels, 1, ...ones.with(axis, size)]), {
      groups: channels,
      stride: ones.with(axis, stride[axis]!),
      dilation: ones.with(axis, dilation[axis]!),
      pads: none.with(axis, pads[axis]!).with(rank + axis, pads[rank + axis]!),
    });
  }, x);
}
