import { sizeOf } from '../graph/shape.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { convolution } from '../operators/convolution.ts';
import { reshape, transpose } from '../operators/layout.ts';
import { matmul } from '../operators/matmul.ts';
import { type Bins, type DenseMap, sizeInPatch } from './dense-value.ts';
import { denseMeans } from './dense-windows.ts';

/**
 * A linear layer on a flattened value as a convolution (weights [outputs, C * ...size]): its kernel is as large as the
 * value, dilated as its elements lie. Means over whole planes are taken after the layer, which has fewer channels; other
 * means become part of the kernel.
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
  let kernel = reshape(weight, [outputs, channels, ...sizeInPatch(map)]);
  for (const [axis, one] of (bins ?? []).entries()) {
    if (one !== undefined) kernel = spreadBins(kernel, axis + 2, one);
  }
  return result(convolution(map.tensor, kernel, { dilation: map.dilation }));
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
