import { sizeOf } from '../graph/shape.ts';
import type { OnnxEmitter } from '../graph/tensor.ts';
import type { EmittedConvolution } from './emitted-convolution.ts';

/** The engine multiplies matrices of at least so many columns, pixels here, at full speed. */
const enoughPixels = 32;

/** Below so many weights, reading them anew for every image costs nothing. */
const manyWeights = 2 ** 18;

/** Whether `emitImagesInside` is faster than a convolution image by image. */
export function suitsImagesInside(
  onnx: OnnxEmitter,
  { image, weights, result, stride }: EmittedConvolution,
): boolean {
  return (
    !onnx.portable &&
    !onnx.dynamic &&
    !onnx.openBatch &&
    image[0]! > 1 &&
    stride.at(-1) === 1 &&
    sizeOf(result.slice(2)) < enoughPixels &&
    sizeOf(weights) >= manyWeights
  );
}

/**
 * A convolution of small images with many weights, as one of a single image in which each pixel is followed by the same
 * pixel of the other images: with N times the dilation and the padding along the last axis, every image meets itself
 * only. The engine then reads the weights once, not once for every image, and multiplies wider matrices: 512 channels at
 * 4 x 4 px, 16 images, one thread: 5.4 ms instead of 6.6.
 */
export function emitImagesInside(
  onnx: OnnxEmitter,
  [x, ...operands]: readonly string[],
  { image, result, stride, pads, dilation }: EmittedConvolution,
): string {
  const [n, c, ...spatial] = image as [number, number, ...number[]];
  const rank = spatial.length;
  const turn = (value: string, rows: number, columns: number): string =>
    onnx.node('Transpose', [onnx.node('Reshape', [value, onnx.int64([rows, columns])])], {
      perm: { ints: [1, 0] },
    });
  const wide = (sizes: readonly number[]): number[] => sizes.with(-1, sizes.at(-1)! * n);
  const inside = onnx.node('Reshape', [
    turn(x!, n, c * sizeOf(spatial)),
    onnx.int64([1, c, ...wide(spatial)]),
  ]);
  const y = onnx.node('Conv', [inside, ...operands], {
    strides: { ints: stride },
    pads: { ints: [...wide(pads.slice(0, rank)), ...wide(pads.slice(rank))] },
    dilations: { ints: wide(dilation) },
  });
  return onnx.node('Reshape', [turn(y, sizeOf(result) / n, n), onnx.int64(result)]);
}
