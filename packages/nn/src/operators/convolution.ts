import { NetworkError } from '../errors/network-error.ts';
import { emitBody } from '../graph/emit-body.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, constantOperator, type Operator, type Tensor } from '../graph/tensor.ts';
import { emitBlockedConvolution, suitsBlocks } from '../onnx/channel-blocks.ts';
import { emitReversed } from '../onnx/emit-reversed.ts';
import { emitImagesInside, suitsImagesInside } from '../onnx/images-inside.ts';
import { convolve, convolveTranspose, convolveWeightGradient } from '../reference/convolve.ts';
import { concat, reshape, reverse, slice, transpose } from './layout.ts';
import { matmul } from './matmul.ts';
import { pad } from './pad.ts';
import { reduceSum } from './reduce.ts';

/** One number per spatial axis, outermost first. */
export interface ConvolutionAttributes {
  readonly stride: readonly number[];
  /** Zeros before every spatial axis, then zeros after: [top, left, bottom, right] in 2-D, as in ONNX. */
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
  /** Channels are split into so many parts that do not see each other; C groups make it depthwise. */
  readonly groups: number;
}

export interface ConvolutionOptions extends Partial<ConvolutionAttributes> {
  readonly bias?: Tensor;
}

/** Shapes of an image [N, C, ...S], weights [K, C / groups, ...kernel] and what a convolution makes of them. */
interface ConvolutionSizes {
  readonly n: number;
  readonly c: number;
  readonly k: number;
  readonly image: readonly number[];
  readonly kernel: readonly number[];
  readonly output: readonly number[];
}

function sizesOf(x: Shape, w: Shape, attributes: ConvolutionAttributes): ConvolutionSizes {
  const { stride, pads, dilation } = attributes;
  const image = x.slice(2);
  const kernel = w.slice(2);
  const output = image.map((size, axis) => {
    const padded = size + pads[axis]! + pads[image.length + axis]!;
    return Math.floor((padded - dilation[axis]! * (kernel[axis]! - 1) - 1) / stride[axis]!) + 1;
  });
  return { n: x[0]!, c: x[1]!, k: w[0]!, image, kernel, output };
}

/**
 * y[n, k, i] = b[k] + sum over c, u of x[n, c, s i + d u - p] w[k, c, u], with i and u running over one to three
 * spatial axes (cross-correlation, as every deep learning library has it).
 *
 * dx is `convolutionTranspose` of dy, dw `convolutionWeightGradient`.
 */
export const convolutionOperator: Operator<ConvolutionAttributes> = {
  name: 'convolution',
  infer: ([x, w, b], attributes) => {
    checkOperands('convolution', x!, w!, attributes);
    const { c, k, output, n } = sizesOf(x!.shape, w!.shape, attributes);
    const { groups } = attributes;
    const biasFits = b === undefined || (b.shape.length === 1 && b.shape[0] === k);
    if (w!.shape[1]! * groups !== c || k % groups !== 0 || !biasFits) {
      const inGroups = groups === 1 ? '' : ` in ${groups} groups`;
      throw new NetworkError(
        'shape-mismatch',
        `convolution: image ${formatShape(x!.shape)} and weights ${formatShape(w!.shape)}${b ? ` and bias ${formatShape(b.shape)}` : ''} do not fit${inGroups}: expected ${c / groups} input channels, ${k} biases`,
      );
    }
    if (output.some((size) => size < 1)) {
      throw new NetworkError(
        'shape-mismatch',
        `convolution: image ${formatShape(x!.shape)} is too small for weights ${formatShape(w!.shape)}`,
      );
    }
    return { shape: [n, k, ...output], type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [x, w] = result.inputs as [Tensor, Tensor, Tensor?];
    const attributes = attributesOf(convolutionOperator, result);
    return [
      needed[0] ? convolutionTranspose(dy, w, { ...attributes, size: x.shape.slice(2) }) : undefined,
      needed[1] ? weightGradient(x, dy, w.shape, attributes) : undefined,
      needed[2] ? reduceSum(dy, [0, ...spatialAxes(dy)]) : undefined,
    ];
  },
  emit: (result, inputs, onnx) => {
    const attributes = attributesOf(convolutionOperator, result);
    const [x, w] = result.inputs as [Tensor, Tensor];
    const { shape: image } = x;
    const { shape: weights } = w;
    // Constant weights of two axes, those of frozen layers, the engine puts in order itself, once.
    const isFixed = image.length === 4 && w.operator.name === constantOperator.name;
    const { stride, groups } = attributes;
    if (!isFixed && groups === 1) {
      const sizes = { image, weights, result: result.shape, ...attributes };
      if (suitsBlocks(image, weights, stride, onnx.channelBlock)) {
        return emitBlockedConvolution(onnx, inputs, sizes);
      }
      if (suitsImagesInside(onnx, sizes)) return emitImagesInside(onnx, inputs, sizes);
    }
    return onnx.node('Conv', inputs, toOnnx(attributes));
  },
  evaluate: (result, [x, w, b]) => {
    const attributes = attributesOf(convolutionOperator, result);
    const values = new Float64Array(sizeOf(result.shape));
    if (b !== undefined) fillChannels(values, result.shape, b.values);
    convolve(x!, w!, { shape: result.shape, values }, attributes);
    return values;
  },
};

export interface ConvolutionTransposeAttributes extends ConvolutionAttributes {
  /** Spatial size of the result: what the convolution that this one transposes was given. */
  readonly size: readonly number[];
}

/**
 * The transpose of `convolution` as a linear map of the image, with the same weights [K, C / groups, ...U]:
 * x[n, c, s i + d u - p] = sum over k, i, u of y[n, k, i] w[k, c, u]. The input gradient of a convolution, and
 * PyTorch's ConvTranspose (whose weights [in, out, ...] are these). Its own dy is a convolution of dx.
 */
export const convolutionTransposeOperator: Operator<ConvolutionTransposeAttributes> = {
  name: 'convolutionTranspose',
  infer: ([y, w], attributes) => {
    checkOperands('convolutionTranspose', y!, w!, attributes);
    const channels = w!.shape[1]! * attributes.groups;
    const shape = [y!.shape[0]!, channels, ...attributes.size];
    const { output } = sizesOf(shape, w!.shape, attributes);
    if (y!.shape[1] !== w!.shape[0] || output.some((size, axis) => size !== y!.shape[axis + 2])) {
      throw new NetworkError(
        'shape-mismatch',
        `convolutionTranspose: image ${formatShape(y!.shape)} and weights ${formatShape(w!.shape)} do not give ${formatShape(shape)}: a convolution of that makes ${formatShape([y!.shape[0]!, w!.shape[0]!, ...output])}`,
      );
    }
    return { shape, type: 'float32' };
  },
  gradient: (result, dx, needed) => {
    const [y, w] = result.inputs as [Tensor, Tensor];
    const attributes = attributesOf(convolutionTransposeOperator, result);
    return [
      needed[0] ? convolution(dx, w, attributes) : undefined,
      needed[1] ? weightGradient(dx, y, w.shape, attributes) : undefined,
    ];
  },
  emit: (result, [y, w], onnx) => {
    const attributes = attributesOf(convolutionTransposeOperator, result);
    const [, weights] = result.inputs as [Tensor, Tensor];
    const { stride, pads, dilation, size, groups } = attributes;
    const rank = size.length;
    const { kernel, output } = sizesOf(result.shape, weights.shape, attributes);
    const padding = size.map((length, axis) => {
      const reached = (output[axis]! - 1) * stride[axis]! + dilation[axis]! * (kernel[axis]! - 1) + 1;
      return length + pads[axis]! + pads[rank + axis]! - reached;
    });
    return onnx.node('ConvTranspose', [y!, w!], {
      ...toOnnx({ stride, pads, dilation, groups }),
      output_padding: { ints: padding },
    });
  },
  evaluate: (result, [y, w]) => {
    const attributes = attributesOf(convolutionTransposeOperator, result);
    const values = new Float64Array(sizeOf(result.shape));
    convolveTranspose({ shape: result.shape, values }, w!, y!, attributes);
    return values;
  },
};

/**
 * y[c, k, u] = w[k, c, -u] within every group: the kernel with which a convolution of stride 1 computes the transpose
 * of one with w.
 */
const flippedKernelOperator: Operator<{ readonly groups: number }> = {
  name: 'flippedKernel',
  infer: ([w], { groups }) => {
    const [k, c, ...kernel] = w!.shape as [number, number, ...number[]];
    return { shape: [c * groups, k / groups, ...kernel], type: 'float32' };
  },
  // It is its own inverse, and only moves numbers.
  gradient: (result, dy) => [apply(flippedKernelOperator, [dy], attributesOf(flippedKernelOperator, result))],
  emit: (result, [w], onnx) => {
    const { groups } = attributesOf(flippedKernelOperator, result);
    const [k, c, ...kernel] = result.inputs[0]!.shape as [number, number, ...number[]];
    const axes = kernel.map((_, axis) => axis + 2);
    const flipped = emitReversed(onnx, w!, result.inputs[0]!.shape, 2);
    if (groups === 1) return onnx.node('Transpose', [flipped], { perm: { ints: [1, 0, ...axes] } });
    const split = onnx.node('Reshape', [flipped, onnx.int64([groups, k / groups, c, ...kernel])]);
    const perm = [0, 2, 1, ...axes.map((axis) => axis + 1)];
    const moved = onnx.node('Transpose', [split], { perm: { ints: perm } });
    return onnx.node('Reshape', [moved, onnx.int64(result.shape)]);
  },
  evaluate: (result, [w]) => {
    const { groups } = attributesOf(flippedKernelOperator, result);
    const [k, c, ...kernel] = w!.shape as [number, number, ...number[]];
    const taps = sizeOf(kernel);
    const [outputs, inputs] = [k / groups, c];
    const values = new Float64Array(w!.values.length);
    for (let group = 0; group < groups; group++) {
      for (let filter = 0; filter < outputs; filter++) {
        for (let channel = 0; channel < inputs; channel++) {
          const from = ((group * outputs + filter) * inputs + channel) * taps;
          const to = ((group * inputs + channel) * outputs + filter) * taps;
          for (let tap = 0; tap < taps; tap++) values[to + tap] = w!.values[from + taps - 1 - tap]!;
        }
      }
    }
    return values;
  },
};

/**
 * Convolution of [N, C, ...S] with weights [K, C / groups, ...U] and an optional bias [K], over one to three spatial
 * axes. Defaults: stride 1, no padding, no dilation, one group. Throws a `NetworkError` ('shape-mismatch').
 */
export function convolution(x: Tensor, w: Tensor, options: ConvolutionOptions = {}): Tensor {
  const { bias } = options;
  return apply(convolutionOperator, bias === undefined ? [x, w] : [x, w, bias], complete(x, options));
}

/**
 * Transposed convolution of [N, K, ...O] with weights [K, C / groups, ...U] to [N, C, ...size]: the result has the
 * size of an image that `convolution` with the same options turns into [N, K, ...O].
 */
export function convolutionTranspose(
  y: Tensor,
  w: Tensor,
  options: Partial<ConvolutionAttributes> & { readonly size: readonly number[] },
): Tensor {
  const attributes = complete(y, options);
  const { stride, pads, dilation, groups } = attributes;
  if (stride.every((step) => step === 1)) {
    const reach = dilation.map((step, axis) => step * (w.shape[axis + 2]! - 1));
    const before = reach.map((length, axis) => length - pads[axis]!);
    const after = reach.map((length, axis) => {
      return options.size[axis]! + length - y.shape[axis + 2]! - before[axis]!;
    });
    // ONNX knows no negative padding; a kernel that only ever saw zeros is rare enough for the general form.
    if ([...before, ...after].every((zeros) => zeros >= 0)) {
      const kernel = apply(flippedKernelOperator, [w], { groups });
      return convolution(y, kernel, { dilation, groups, pads: [...before, ...after] });
    }
  }
  return apply(convolutionTransposeOperator, [y, w], { ...attributes, size: options.size });
}

/** Stride, padding, dilation and groups of a tensor that a convolution made. */
export function convolutionAttributes(result: Tensor): ConvolutionAttributes {
  return attributesOf(convolutionOperator, result);
}

function complete(x: Tensor, options: Partial<ConvolutionAttributes>): ConvolutionAttributes {
  const rank = Math.max(x.shape.length - 2, 0);
  const { stride, pads, dilation, groups = 1 } = options;
  return {
    stride: stride ?? new Array<number>(rank).fill(1),
    pads: pads ?? new Array<number>(2 * rank).fill(0),
    dilation: dilation ?? new Array<number>(rank).fill(1),
    groups,
  };
}

function checkOperands(name: string, x: Tensor, w: Tensor, attributes: ConvolutionAttributes): void {
  const { stride, pads, dilation, groups } = attributes;
  const rank = x.shape.length - 2;
  if (rank < 1 || rank > 3 || w.shape.length !== rank + 2) {
    throw new NetworkError(
      'shape-mismatch',
      `${name}: expected an image [N, C, ...] with one to three spatial axes and weights of the same rank, found ${formatShape(x.shape)} and ${formatShape(w.shape)}`,
    );
  }
  const isCount = (value: number) => Number.isInteger(value) && value > 0;
  if (
    stride.length !== rank ||
    dilation.length !== rank ||
    pads.length !== 2 * rank ||
    ![...stride, ...dilation, groups].every(isCount) ||
    !pads.every((value) => Number.isInteger(value) && value >= 0)
  ) {
    throw new NetworkError(
      'value-invalid',
      `${name}: image ${formatShape(x.shape)} needs ${rank} strides and dilations and ${2 * rank} pads, found stride ${formatShape(stride)}, dilation ${formatShape(dilation)}, pads ${formatShape(pads)}, groups ${groups}`,
    );
  }
}

function toOnnx({ stride, pads, dilation, groups }: ConvolutionAttributes) {
  return {
    strides: { ints: stride },
    pads: { ints: pads },
    dilations: { ints: dilation },
    ...(groups !== 1 && { group: { int: groups } }),
  };
}

function spatialAxes({ shape }: Tensor): number[] {
  return shape.slice(2).map((_, axis) => axis + 2);
}

export interface WeightGradientAttributes extends ConvolutionAttributes {
  /** Shape of the weights. */
  readonly weights: Shape;
}

/**
 * dw of y = convolution(x, w), from x and dy: dw[k, c, u] = sum over n, i of x[n, c, s i + d u - p] dy[n, k, i]. Written as
 * ONE dilated convolution: x with channels last is an image [1, N, ...S, S_last C], dy a [K, N, ...O] kernel with
 * dilations [..s, s_last C]; the result [K, ...U, U_last C] is permuted to [K, C, ...U]. With groups, x and dy change places
 * with their batch axes instead.
 */
export const weightGradientOperator: Operator<WeightGradientAttributes> = {
  name: 'convolutionWeightGradient',
  infer: (_, { weights }) => ({ shape: weights, type: 'float32' }),
  emit: (result, names, onnx) => {
    const attributes = attributesOf(weightGradientOperator, result);
    return emitBody(onnx, result.inputs, names, (x, dy) => weightGradientGraph(x!, dy!, attributes));
  },
  evaluate: (result, [x, dy]) => {
    const attributes = attributesOf(weightGradientOperator, result);
    const values = new Float64Array(sizeOf(result.shape));
    convolveWeightGradient(x!, { shape: result.shape, values }, dy!, attributes);
    return values;
  },
};

function weightGradient(x: Tensor, dy: Tensor, weights: Shape, attributes: ConvolutionAttributes): Tensor {
  return apply(weightGradientOperator, [x, dy], { ...attributes, weights });
}

function weightGradientGraph(x: Tensor, dy: Tensor, attributes: WeightGradientAttributes): Tensor {
  const { groups, weights, stride, pads } = attributes;
  const isPointwise =
    weights.slice(2).every((size) => size === 1) &&
    stride.every((step) => step === 1) &&
    pads.every((zeros) => zeros === 0);
  if (groups > 1) return groupedWeightGradient(x, dy, attributes);
  if (isPointwise) return pointwiseWeightGradient(x, dy, weights);
  if (weights.length === 5 && stride[0] === 1) return volumeWeightGradient(x, dy, attributes);
  const { n, c, image } = sizesOf(x.shape, weights, attributes);
  if (suitsSwapping(x, attributes)) return swappedWeightGradient(x, dy, attributes);
  const flat = reshape(transpose(x, [0, ...spatialAxes(x), 1]), [1, n, ...widened(image, c)]);
  return flatWeightGradient(flat, image, dy, attributes);
}

function pointwiseWeightGradient(x: Tensor, dy: Tensor, weights: Shape): Tensor {
  const [n, c] = x.shape as [number, number];
  const pixels = sizeOf(x.shape.slice(2));
  const products = matmul(
    reshape(dy, [n, dy.shape[1]!, pixels]),
    transpose(reshape(x, [n, c, pixels]), [0, 2, 1]),
  );
  return reshape(reduceSum(products, [0]), weights);
}

/** The last of the values times C. */
function widened(values: readonly number[], channels: number): number[] {
  return values.with(-1, values.at(-1)! * channels);
}

/**
 * Channels last, and the last axis times C: every kernel position sees all channels at once, without im2col.
 * `flat` is [1, N, ...S, S_last C] of images of size S, dy [N, K, ...O].
 */
function flatWeightGradient(
  flat: Tensor,
  image: readonly number[],
  dy: Tensor,
  attributes: WeightGradientAttributes,
): Tensor {
  const { stride, pads, dilation, weights } = attributes;
  const [k, c, ...kernel] = weights as [number, number, ...number[]];
  const rank = kernel.length;
  const last = rank - 1;
  const before = pads.slice(0, rank);
  const reach = kernel.map((size, axis) => dilation[axis]! * (size - 1) + 1);
  // No more zeros at the end than the last tap of the last output sees.
  const after = reach.map((length, axis) => {
    const seen = (dy.shape[axis + 2]! - 1) * stride[axis]! + length;
    return Math.max(0, seen - before[axis]! - image[axis]!);
  });
  const wideAttributes = {
    dilation: widened(stride, c),
    stride: dilation.with(last, 1),
    pads: [...widened(before, c), ...widened(after, c)],
  };
  const wide = isLargeForChannels(dy, c)
    ? sumOfImages(flat, dy, wideAttributes)
    : convolution(flat, transpose(dy, [1, 0, ...spatialAxes(dy)]), wideAttributes);
  // Positions that no kernel tap reaches are cut off; dilated columns are picked out in groups of C.
  let rows = wide;
  for (let axis = 0; axis < last; axis++) rows = slice(rows, axis + 2, 0, kernel[axis]!);
  const grid = reshape(slice(rows, last + 2, 0, reach[last]! * c), [
    k,
    ...kernel.slice(0, last),
    reach[last]!,
    c,
  ]);
  const picked = dilation[last] === 1 ? grid : pickEvery(grid, rank, dilation[last]!, kernel[last]!);
  return transpose(picked, [0, rank + 1, ...kernel.map((_, axis) => axis + 1)]);
}

/** Whether x is better the kernel, since it has more channels than dy: there must be whole windows on either side. */
function suitsSwapping(x: Tensor, attributes: WeightGradientAttributes): boolean {
  const { weights, stride, dilation, pads } = attributes;
  const [k, c, ...kernel] = weights as [number, number, ...number[]];
  return (
    c > k &&
    [...stride, ...dilation].every((step) => step === 1) &&
    pads.every((zeros, side) => zeros < kernel[side % kernel.length]!) &&
    isLargeForChannels(x, k)
  );
}

/** As `flatWeightGradient`, image by image, with dy as the wide image and x as the kernel: taps come out back to front. */
function swappedWeightGradient(x: Tensor, dy: Tensor, attributes: WeightGradientAttributes): Tensor {
  const { pads, weights } = attributes;
  const [k, c, ...kernel] = weights as [number, number, ...number[]];
  const output = dy.shape.slice(2);
  const flat = reshape(transpose(dy, [0, ...spatialAxes(dy), 1]), [1, dy.shape[0]!, ...widened(output, k)]);
  const around = pads.map((zeros, side) => kernel[side % kernel.length]! - 1 - zeros);
  const rank = kernel.length;
  const wide = sumOfImages(flat, x, {
    dilation: widened(
      kernel.map(() => 1),
      k,
    ),
    pads: [...widened(around.slice(0, rank), k), ...widened(around.slice(rank), k)],
  });
  const taps = reverse(
    reshape(wide, [c, ...kernel, k]),
    kernel.map((_, axis) => axis + 1),
  );
  return transpose(taps, [rank + 1, 0, ...kernel.map((_, axis) => axis + 1)]);
}

/**
 * A volume's slices are images. Each meets the dy of all slices that its depth taps lead to, as filters side by side: what
 * is left is a gradient in two axes, which the engine does faster than in three.
 */
function volumeWeightGradient(x: Tensor, dy: Tensor, attributes: WeightGradientAttributes): Tensor {
  const { stride, pads, dilation, weights } = attributes;
  const [k, c, taps, u, v] = weights as [number, number, number, number, number];
  const [n, , depth, height, width] = x.shape as [number, number, number, number, number];
  const [, , outDepth, outHeight, outWidth] = dy.shape as [number, number, number, number, number];
  const flat = reshape(transpose(x, [0, 2, 3, 4, 1]), [1, n * depth, height, width * c]);
  const slices = transpose(dy, [0, 2, 1, 3, 4]);
  const shifted = Array.from({ length: taps }, (_, tap) => {
    const shift = tap * dilation[0]! - pads[0]!;
    return pad(slices, [0, shift, 0, 0, 0], [0, depth - outDepth - shift, 0, 0, 0]);
  });
  const filters = reshape(concat(shifted, 2), [n * depth, taps * k, outHeight, outWidth]);
  const dw = flatWeightGradient(flat, [height, width], filters, {
    stride: stride.slice(1),
    dilation: dilation.slice(1),
    pads: [pads[1]!, pads[2]!, pads[4]!, pads[5]!],
    groups: 1,
    weights: [taps * k, c, u, v],
  });
  return transpose(reshape(dw, [taps, k, c, u, v]), [1, 2, 0, 3, 4]);
}

/** Channels of a group become the batch, images the channels: one grouped convolution gives all pairs. */
function groupedWeightGradient(x: Tensor, dy: Tensor, attributes: WeightGradientAttributes): Tensor {
  const { stride, pads, dilation, groups, weights } = attributes;
  const { n, c, k, image, kernel, output } = sizesOf(x.shape, weights, attributes);
  const inGroup = c / groups;
  const axes = image.map((_, axis) => axis + 3);
  const images = transpose(reshape(x, [n, groups, inGroup, ...image]), [2, 1, 0, ...axes]);
  const kernels = transpose(dy, [1, 0, ...spatialAxes(dy)]);
  let found = convolution(
    reshape(images, [inGroup, groups * n, ...image]),
    reshape(kernels, [k, n, ...output]),
    { stride: dilation, dilation: stride, pads, groups },
  );
  for (const [axis, size] of kernel.entries()) found = slice(found, axis + 2, 0, size);
  return transpose(found, [1, 0, ...spatialAxes(found)]);
}

/**
 * With many pixels and few channels, image by image is faster: no channel of the wide image is copied for another
 * one's sake, and the sum over images is small.
 */
function isLargeForChannels(dy: Tensor, channels: number): boolean {
  return dy.shape[0]! > 1 && sizeOf(dy.shape.slice(2)) >= pixelsPerChannel * channels;
}

/** Measured: equal at 128 channels and 32 x 32 pixels. */
const pixelsPerChannel = 8;

/** The convolution of every channel of [1, N, ...] with the kernels [N K, 1, ...] of its image, summed over images. */
function sumOfImages(flat: Tensor, dy: Tensor, attributes: Partial<ConvolutionAttributes>): Tensor {
  const [n, k, ...output] = dy.shape as [number, number, ...number[]];
  const each = convolution(flat, reshape(dy, [n * k, 1, ...output]), { ...attributes, groups: n });
  const sizes = each.shape.slice(2);
  return reshape(reduceSum(reshape(each, [n, k, ...sizes]), [0]), [1, k, ...sizes]);
}

function pickEvery(grid: Tensor, axis: number, step: number, count: number): Tensor {
  const columns = Array.from({ length: count }, (_, i) => slice(grid, axis, i * step, i * step + 1));
  return concat(columns, axis);
}

function fillChannels(values: Float64Array, shape: Shape, bias: Float64Array): void {
  const pixels = sizeOf(shape.slice(2));
  for (let i = 0; i < shape[0]! * shape[1]!; i++) {
    values.fill(bias[i % shape[1]!]!, i * pixels, (i + 1) * pixels);
  }
}
