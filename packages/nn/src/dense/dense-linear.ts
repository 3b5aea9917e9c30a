import { sizeOf } from '../graph/shape.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { reshape, transpose } from '../operators/layout.ts';
import { matmul } from '../operators/matmul.ts';
import { type Bins, type DenseMap, sizeInPatch } from './dense-value.ts';
import { denseMeans } from './dense-windows.ts';

/**
 * A linear layer on a flattened value as a convolution (weights [outputs, C * ...size]): its kernel is as large as the
 * value, dilated as its elements lie. Means over whole planes are taken after the layer, which has fewer channels; those
 * over even bins before it; others become part of the kernel.
 */
export function denseLinear(map: DenseMap, weight: Tensor): DenseMap {
  const outputs = weight.shape[0]!;
  const channels = map.tensor.shape[1]!;
  const { size, bins, stride } = map;
  const rank = size.length;
  const ones = new Array<number>(rank).fill(1);
  const none = new Array<number>(2 * rank).fill(0);
  const result = (tensor: Tensor): DenseMap => ({
    kind: 'map',
    tensor,
    size: ones,
    stride,
    // One element is left: how far neighbours would lie apart no longer matters.
    dilation: ones,
  });
  if (bins?.every((one) => one?.count === 1)) {
    const scores = convolution(map.tensor, reshape(weight, [outputs, channels, ...ones]));
    return result(denseMeans(scores, { kernel: size, stride: ones, dilation: map.dilation, pads: none }));
  }
  const even = map.size.map((_, axis) => {
    const one = bins?.[axis];
    return one === undefined ? undefined : evenBins(one);
  });
  // Bins of one width and step are means of windows. Others become part of the kernel, which is then larger.
  const means = denseMeans(map.tensor, {
    kernel: even.map((one) => one?.width ?? 1),
    stride: ones,
    dilation: map.dilation,
    pads: none,
  });
  let kernel = reshape(weight, [outputs, channels, ...sizeInPatch(map)]);
  for (const [axis, one] of (bins ?? []).entries()) {
    if (one !== undefined && even[axis] === undefined) kernel = spreadBins(kernel, axis + 2, one);
  }
  const dilation = map.dilation.map((step, axis) => step * (even[axis]?.step ?? 1));
  return result(convolution(means, kernel, { dilation }));
}

/** Width of the bins and elements from one to the next; undefined where they differ, or leave some elements out. */
function evenBins({ count, shares }: Bins): { readonly width: number; readonly step: number } | undefined {
  const length = shares.length / count;
  const first = shares.findIndex((share) => share > 0);
  const width = shares.subarray(0, length).filter((share) => share > 0).length;
  const step = count === 1 ? 1 : (length - width) / (count - 1);
  if (first !== 0 || !Number.isInteger(step) || step < 1) return undefined;
  const isEven = shares.every((share, at) => {
    const start = Math.floor(at / length) * step;
    const inside = at % length >= start && at % length < start + width;
    return inside ? Math.abs(share * width - 1) < 1e-5 : share === 0;
  });
  return isEven ? { width, step } : undefined;
}

/** The kernel on elements that has on them the effect of `kernel` on their bins along an axis. */
function spreadBins(kernel: Tensor, axis: number, { count, shares }: Bins): Tensor {
  const { shape } = kernel;
  const length = shares.length / count;
  const order = [...shape.keys()].filter((other) => other !== axis).concat(axis);
  const rows = reshape(transpose(kernel, order), [sizeOf(shape) / count, count]);
  const spread = matmul(rows, constant(shares, [count, length]));
  const moved = order.map((other) => (other === axis ? length : shape[other]!));
  return transpose(
    reshape(spread, moved),
    order.map((_, other) => order.indexOf(other)),
  );
}
