import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { concat } from '../operators/layout.ts';
import { pad } from '../operators/pad.ts';

/**
 * The middle of [N, C, ...S], of spatial size `size`; where the rest is odd, one more is cut off at the end. Throws a
 * `NetworkError` ('shape-mismatch') where the image is smaller than that.
 */
export function cropCentre(x: Tensor, size: readonly number[]): Tensor {
  const over = x.shape.slice(2).map((length, axis) => length - size[axis]!);
  if (over.length !== size.length || over.some((rest) => rest < 0)) {
    throw new NetworkError(
      'shape-mismatch',
      `cropCentre: ${formatShape(x.shape)} has no middle of spatial size ${formatShape(size)}`,
    );
  }
  return crop(
    x,
    over.map((rest) => Math.floor(rest / 2)),
    over.map((rest) => Math.ceil(rest / 2)),
  );
}

/** x [N, C, ...S] without so many elements at the begin and end of every spatial axis. */
export function crop(x: Tensor, begin: readonly number[], end: readonly number[]): Tensor {
  const negative = (sizes: readonly number[]) => [0, 0, ...sizes.map((size) => 0 - size)];
  return pad(x, negative(begin), negative(end));
}

/** Channels of all inputs, cropped to the middle where an unpadded convolution made one of them smaller. */
export function concatChannels(inputs: readonly Tensor[]): Tensor {
  const spatial = inputs.map(({ shape }) => shape.slice(2));
  const smallest = spatial[0]!.map((_, axis) => Math.min(...spatial.map((size) => size[axis]!)));
  return concat(
    inputs.map((x) => cropCentre(x, smallest)),
    1,
  );
}
