import { NetworkError } from '../errors/network-error.ts';
import type { Shape } from '../graph/shape.ts';
import { apply, type OnnxAttribute, type OnnxEmitter, type Tensor } from '../graph/tensor.ts';

/**
 * Convolutions in ONNX Runtime's own CPU layout, NCHWc: blocks of 16 channels (AVX-512) or 8 (AVX2) are innermost,
 * and no im2col is needed. ONNX Runtime chooses it by itself, but for constant weights only; in training the
 * weights are inputs, so the training graph asks for it. Only the engine's CPU provider knows these operators:
 * exported models never hold them.
 */
export const blockDomain = 'com.microsoft.nchwc';

/** With fewer pixels than this in a batch, putting the weights in order costs more than the kernel gains. */
const fewestPixels = 3000;

/** Weight gradients are convolutions whose kernel is a whole image: not worth putting in order. */
const widestKernel = 7;

/** Whether values of a shape divide into whole blocks. */
export function fitsBlocks({ length, 1: channels }: Shape, block: number): boolean {
  return length === 4 && block > 1 && channels! % block === 0;
}

/** The shape in which the engine holds [N, C, H, W] in blocks, for operators that work on vectors per channel. */
export function blockedShape([n, c, h, w]: Shape, block: number): number[] {
  return [n!, c! / block, h! * w!, block];
}

/** Whether a convolution of `image` [N, C, H, W] with `weights` [K, C, U, V] is worth the blocked form. */
export function suitsBlocks(image: Shape, weights: Shape, block: number): boolean {
  const [n, c, h, w] = image as [number, number, number, number];
  const [k, , u] = weights as [number, number, number];
  if (image.length !== 4 || block <= 1) return false;
  return u > 1 && u <= widestKernel && c % block === 0 && k % block === 0 && n * h * w >= fewestPixels;
}

/** Writes a convolution in blocked form. `weights` is the shape of inputs[1]. */
export function emitBlockedConvolution(
  onnx: OnnxEmitter,
  [image, kernel, ...bias]: readonly string[],
  weights: Shape,
  attributes: Readonly<Record<string, OnnxAttribute>>,
): string {
  const block = onnx.channelBlock;
  const [k, c, u, v] = weights as [number, number, number, number];
  // [K, C, U, V] in blocks of inputs and outputs: [K/b, C/b, U, V, b in, b out].
  const split = onnx.node('Reshape', [kernel!, onnx.int64([k / block, block, c / block, block, u, v])]);
  const moved = onnx.node('Transpose', [split], { perm: { ints: [0, 2, 4, 5, 3, 1] } });
  const ordered = onnx.node('Reshape', [moved, onnx.int64(weights)]);
  const result = onnx.node('Conv', [onnx.blocked(image!), ordered, ...bias], attributes, blockDomain);
  return onnx.fromBlocks(result, k);
}

/** An image in the blocked layout: the engine pads its channels to a whole block, which tells the block's size. */
export function channelBlockProbe(image: Tensor): Tensor {
  return apply<Record<string, never>>(
    {
      name: 'channelBlockProbe',
      infer: ([x]) => ({ shape: x!.shape, type: 'float32' }),
      emit: (_, [x], onnx) => onnx.node('ReorderInput', [x!], {}, blockDomain),
      evaluate: () => {
        throw new NetworkError('unsupported', 'channelBlockProbe asks the engine, not the reference');
      },
    },
    [image],
    {},
  );
}
