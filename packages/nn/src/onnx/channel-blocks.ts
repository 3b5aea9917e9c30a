import { NetworkError } from '../errors/network-error.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { apply, type OnnxEmitter, type Tensor } from '../graph/tensor.ts';
import type { EmittedConvolution } from './emitted-convolution.ts';

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

/** Whether values of a shape, [N, C, H, W] or [N, C, D, H, W], divide into whole blocks. */
export function fitsBlocks({ length, 1: channels }: Shape, block: number): boolean {
  return (length === 4 || length === 5) && block > 1 && channels! % block === 0;
}

/**
 * The shape in which the engine knows a value in blocks: images of two axes. The slices of a volume are images that
 * follow each other: [N, C, D, H, W] becomes [N D, C, H, W].
 */
export function imagesShape(shape: Shape): number[] {
  const [n, c, ...spatial] = shape as [number, number, ...number[]];
  return [n * sizeOf(spatial.slice(0, -2)), c, ...spatial.slice(-2)];
}

/** How a value in blocks lies in memory, for operators that work on vectors per channel: [images, C / b, H W, b]. */
export function blockedShape(shape: Shape, block: number): number[] {
  const [images, c, h, w] = imagesShape(shape) as [number, number, number, number];
  return [images, c / block, h * w, block];
}

/** Puts a value in blocks. Of volumes, blocks are made as if slices lay below each other, then slices are parted. */
export function intoBlocks(onnx: OnnxEmitter, name: string, shape: Shape): string {
  if (shape.length === 4) return onnx.node('ReorderInput', [name], {}, blockDomain);
  const [n, c, d, h, w] = shape as [number, number, number, number, number];
  const tall = onnx.node('Reshape', [name, onnx.int64([n, c, d * h, w])]);
  const blocks = onnx.node('ReorderInput', [tall], {}, blockDomain);
  const parted = swapMiddle(onnx, blocks, [n, c / onnx.channelBlock, d, h * w * onnx.channelBlock]);
  return onnx.node('Reshape', [parted, onnx.int64(imagesShape(shape))]);
}

/** Undoes `intoBlocks`. */
export function outOfBlocks(onnx: OnnxEmitter, name: string, shape: Shape): string {
  const channels = { channels: { int: shape[1]! } };
  if (shape.length === 4) return onnx.node('ReorderOutput', [name], channels, blockDomain);
  const [n, c, d, h, w] = shape as [number, number, number, number, number];
  const joined = swapMiddle(onnx, name, [n, d, c / onnx.channelBlock, h * w * onnx.channelBlock]);
  const tall = onnx.node('Reshape', [joined, onnx.int64([n, c, d * h, w])]);
  const plain = onnx.node('ReorderOutput', [tall], channels, blockDomain);
  return onnx.node('Reshape', [plain, onnx.int64(shape)]);
}

/** Swaps the two middle axes of what has the given four. */
function swapMiddle(
  onnx: OnnxEmitter,
  name: string,
  sizes: readonly [number, number, number, number],
): string {
  if (sizes[1] === 1 || sizes[2] === 1) return name;
  const split = onnx.node('Reshape', [name, onnx.int64(sizes)]);
  return onnx.node('Transpose', [split], { perm: { ints: [0, 2, 1, 3] } });
}

/**
 * Whether a convolution of `image` [N, C, ...S] with `weights` [K, C, ...U] is worth the blocked form. Along the depth of
 * volumes it must not stride.
 */
export function suitsBlocks(image: Shape, weights: Shape, stride: readonly number[], block: number): boolean {
  const [k, , ...kernel] = weights as [number, number, ...number[]];
  const isLarge = image[0]! * sizeOf(image.slice(2)) >= fewestPixels;
  const isPlane = kernel.length === 2 || stride[0] === 1;
  const isKernel = kernel.some((size) => size > 1) && kernel.every((size) => size <= widestKernel);
  return fitsBlocks(image, block) && k % block === 0 && isPlane && isKernel && isLarge;
}

/** Writes a convolution of image, weights and perhaps bias in blocked form. */
export function emitBlockedConvolution(
  onnx: OnnxEmitter,
  [image, kernel, ...bias]: readonly string[],
  sizes: EmittedConvolution,
): string {
  const inBlocks = onnx.blocked(image!, sizes.image);
  return sizes.image.length === 4
    ? onnx.fromBlocks(convolveImages(onnx, [inBlocks, kernel!, ...bias], sizes.weights, sizes), sizes.result)
    : onnx.fromBlocks(convolveVolume(onnx, [inBlocks, kernel!, ...bias], sizes), sizes.result);
}

type PlaneAttributes = Pick<EmittedConvolution, 'stride' | 'pads' | 'dilation'>;

/** 2-D: weights [K, C, U, V] are put in blocks of inputs and outputs, [K / b, C / b, U, V, b in, b out], in the graph. */
function convolveImages(
  onnx: OnnxEmitter,
  [image, kernel, ...bias]: readonly string[],
  weights: Shape,
  { stride, pads, dilation }: PlaneAttributes,
): string {
  const block = onnx.channelBlock;
  const [k, c, u, v] = weights as [number, number, number, number];
  // Two moves of one axis each: several times as fast as all at once.
  const filters = onnx.node('Reshape', [kernel!, onnx.int64([k / block, block, c * u * v])]);
  const innermost = onnx.node('Transpose', [filters], { perm: { ints: [0, 2, 1] } });
  const inputs = [(k / block) * (c / block), block, u * v, block];
  const split = onnx.node('Reshape', [innermost, onnx.int64(inputs)]);
  const moved = onnx.node('Transpose', [split], { perm: { ints: [0, 2, 1, 3] } });
  const ordered = onnx.node('Reshape', [moved, onnx.int64(weights)]);
  return onnx.node(
    'Conv',
    [image!, ordered, ...bias],
    { strides: { ints: stride }, pads: { ints: pads }, dilations: { ints: dilation } },
    blockDomain,
  );
}

/**
 * 3-D: every slice is convolved with the kernels of all depths at once, as more output channels; then what belongs to a
 * slice is added up from its neighbours. Faster than the engine's own 3-D convolution, which copies every voxel 27 times.
 */
function convolveVolume(
  onnx: OnnxEmitter,
  [image, kernel, bias]: readonly string[],
  { image: shape, weights, result, stride, pads, dilation }: EmittedConvolution,
): string {
  const block = onnx.channelBlock;
  const [n, , depth] = shape as [number, number, number];
  const [k, c, taps, u, v] = weights as [number, number, number, number, number];
  const [, , outDepth, height, width] = result as [number, number, number, number, number];
  const plane = {
    stride: stride.slice(1),
    pads: [pads[1]!, pads[2]!, pads[4]!, pads[5]!],
    dilation: dilation.slice(1),
  };
  // Filters in blocks, the taps of a block side by side: [K / b, taps, b, C, U, V].
  const split = onnx.node('Reshape', [kernel!, onnx.int64([k / block, block, c, taps, u * v])]);
  const moved = onnx.node('Transpose', [split], { perm: { ints: [0, 3, 1, 2, 4] } });
  const stacked = onnx.node('Reshape', [moved, onnx.int64([taps * k, c, u, v])]);
  const wide = convolveImages(onnx, [image!, stacked], [taps * k, c, u, v], plane);
  // As one block of channels and rows (slice, block, tap), a slice's sum is a convolution of ones that strides over taps.
  const rows = (k / block) * taps;
  const tall = onnx.node('Reshape', [wide, onnx.int64([n, block, depth * rows, height * width])]);
  const step = dilation[0]! * rows + 1;
  const before = pads[0]! * rows;
  const reached = (outDepth * (k / block) - 1) * taps + (taps - 1) * step + 1;
  const ones = onnx.node('Expand', [onnx.float32(1), onnx.int64([block, 1, taps, 1])]);
  const sums = onnx.node(
    'Conv',
    [tall, ones],
    {
      group: { int: block },
      kernel_shape: { ints: [taps, 1] },
      strides: { ints: [taps, 1] },
      dilations: { ints: [step, 1] },
      pads: { ints: [before, 0, Math.max(0, reached - before - depth * rows), 0] },
    },
    blockDomain,
  );
  const images = onnx.node('Reshape', [sums, onnx.int64(imagesShape(result))]);
  return bias === undefined ? images : addBias(onnx, images, bias, result);
}

function addBias(onnx: OnnxEmitter, images: string, bias: string, shape: Shape): string {
  const block = onnx.channelBlock;
  const vectors = onnx.node('Reshape', [bias, onnx.int64([shape[1]! / block, 1, block])]);
  const parts = onnx.node('Reshape', [images, onnx.int64(blockedShape(shape, block))]);
  return onnx.node('Reshape', [onnx.node('Add', [parts, vectors]), onnx.int64(imagesShape(shape))]);
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
