import { NetworkError } from '../errors/network-error.ts';
import { compositeOperator } from '../graph/composite.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../graph/shape.ts';
import {
  apply,
  attributesOf,
  type ConstantAttributes,
  constantOperator,
  type Tensor,
  topologicalOrder,
} from '../graph/tensor.ts';
import { averagePoolOperator, globalAveragePoolOperator } from '../operators/average-pooling.ts';
import { channelAffineOperator } from '../operators/channel-affine.ts';
import { convolution, convolutionAttributes, convolutionOperator } from '../operators/convolution.ts';
import { add } from '../operators/elementwise.ts';
import {
  concatOperator,
  flattenOperator,
  reshape,
  reshapeOperator,
  slice,
  sliceOperator,
  transpose,
  transposeOperator,
} from '../operators/layout.ts';
import { linearOperator } from '../operators/linear.ts';
import { matmulOperator } from '../operators/matmul.ts';
import { pad, padOperator } from '../operators/pad.ts';
import { maxPoolOperator } from '../operators/pooling.ts';
import { logSoftmaxOperator, softmaxOperator } from '../operators/softmax.ts';
import { denseLinear } from './dense-linear.ts';
import { type DenseMap, type DenseValue, firstElements, sizeInPatch } from './dense-value.ts';
import { denseMaxPool, denseMeans, denseWindows, type Windows } from './dense-windows.ts';

/**
 * A classifier of patches as a fully convolutional network. `logits` [1, classes] was built from the input `patch`
 * [1, C, ...P]; the result is the same function of every window of `image` [N, C, ...S], [N, classes, ...positions]: position p of an axis is the
 * window whose first pixel is p * outputStride.
 * Where the classifier pads nothing, it gives the same logits; where it pads, the zeros inside a patch become the real
 * neighbourhood. Parameters are shared, not copied. Throws a `NetworkError` ('unsupported') that names the operator that
 * cannot be made dense, or 'shape-mismatch' where the image is smaller than the patch.
 */
export function densify(
  logits: Tensor,
  patch: Tensor,
  image: Tensor,
  outputStride: readonly number[],
): Tensor {
  const size = patch.shape.slice(2);
  const space = image.shape.slice(2);
  if (
    image.shape[1] !== patch.shape[1] ||
    space.length !== size.length ||
    space.some((length, axis) => length < size[axis]!) ||
    outputStride.length !== size.length ||
    !outputStride.every((step) => Number.isInteger(step) && step > 0)
  ) {
    throw new NetworkError(
      'shape-mismatch',
      `densify: patches ${formatShape(patch.shape)} at stride ${formatShape(outputStride)} do not fit into an image ${formatShape(image.shape)}: expected the same channels, an image no smaller than a patch, and strides from 1 on`,
    );
  }
  const ones = size.map(() => 1);
  const values = new Map<Tensor, DenseValue>([
    [patch, { kind: 'map', tensor: image, size, stride: ones, dilation: ones }],
  ]);
  for (const tensor of topologicalOrder([logits])) {
    if (tensor === patch || !tensor.inputs.some((source) => values.has(source))) continue;
    values.set(tensor, denseForm(tensor, values, outputStride));
  }
  const found = values.get(logits);
  // A classifier may end in means, flattened.
  const last = found?.kind === 'reshaped' ? found.map : found;
  const isVector = last !== undefined && sizeInPatch(last).every((length) => length === 1);
  const result = isVector ? plain(logits, last) : undefined;
  if (result === undefined || logits.shape.length !== 2) {
    throw unsupported(logits, 'it does not end in one vector of logits for a patch');
  }
  const positions = space.map((length, axis) => Math.floor((length - size[axis]!) / outputStride[axis]!) + 1);
  return positions.reduce((x, count, axis) => {
    const step = outputStride[axis]! / result.stride[axis]!;
    return slice(x, axis + 2, 0, (count - 1) * step + 1, step);
  }, result.tensor);
}

type Values = ReadonlyMap<Tensor, DenseValue>;

function denseForm(tensor: Tensor, values: Values, outputStride: readonly number[]): DenseValue {
  const { operator, inputs } = tensor;
  const value = values.get(inputs[0]!);
  switch (operator.name) {
    case compositeOperator.name:
      if (value !== undefined) return value;
      break;
    case convolutionOperator.name:
      return denseConvolution(tensor, plain(tensor, value), outputStride);
    case maxPoolOperator.name: {
      const { kernel, stride, pads } = attributesOf(maxPoolOperator, tensor);
      return windowed(
        tensor,
        plain(tensor, value),
        { kernel, stride, pads, dilation: kernel.map(() => 1) },
        outputStride,
        denseMaxPool,
      );
    }
    case averagePoolOperator.name: {
      const { kernel, stride, pads } = attributesOf(averagePoolOperator, tensor);
      return windowed(
        tensor,
        plain(tensor, value),
        { kernel, stride, pads, dilation: kernel.map(() => 1) },
        outputStride,
        denseMeans,
      );
    }
    case globalAveragePoolOperator.name: {
      const map = plain(tensor, value);
      const whole = (length: number) => ({ count: 1, shares: new Float32Array(length).fill(1 / length) });
      return { ...map, bins: map.size.map(whole) };
    }
    case channelAffineOperator.name: {
      const map = plain(tensor, value);
      return { ...map, tensor: apply(operator, [map.tensor, ...inputs.slice(1)], tensor.attributes) };
    }
    case flattenOperator.name:
    case reshapeOperator.name:
      return denseReshape(tensor, value!);
    case matmulOperator.name:
      return denseProduct(tensor, values);
    case linearOperator.name: {
      const [, weight, bias] = inputs as [Tensor, Tensor, Tensor?];
      const dense = denseLinear(value!.kind === 'map' ? value! : value!.map, weight);
      if (bias === undefined) return dense;
      const perChannel = reshape(bias, [1, bias.shape[0]!, ...dense.size]);
      return { ...dense, tensor: add(dense.tensor, perChannel) };
    }
    case sliceOperator.name:
      return denseSlice(tensor, plain(tensor, value), outputStride);
    case padOperator.name:
      return densePad(tensor, plain(tensor, value));
    case concatOperator.name: {
      const { axis } = attributesOf(concatOperator, tensor);
      if (axis === 1) return joined(tensor, values);
      break;
    }
    case softmaxOperator.name:
    case logSoftmaxOperator.name: {
      const { axis } = tensor.attributes as { readonly axis: number };
      if (axis === 1) return joined(tensor, values);
      break;
    }
    default:
      if (operator.elementwise) return joined(tensor, values);
  }
  throw unsupported(tensor, 'it looks at a patch in a way that has no form for a whole image');
}

function unsupported({ operator, inputs }: Tensor, why: string): NetworkError {
  const shapes = inputs.map(({ shape }) => formatShape(shape)).join(', ');
  return new NetworkError(
    'unsupported',
    `densify: ${operator.name} of ${shapes} cannot be made dense: ${why}`,
  );
}

/** A map without pending means. */
function plain(tensor: Tensor, value: DenseValue | undefined): DenseMap {
  if (value?.kind !== 'map') throw unsupported(tensor, 'its first input is no image');
  if (value.bins === undefined) return value;
  if (!value.bins.every((one) => one?.count === 1))
    throw unsupported(tensor, 'it follows means over uneven bins');
  const ones = value.size.map(() => 1);
  const none = [...ones, ...ones].map(() => 0);
  const windows = { kernel: value.size, stride: ones, dilation: value.dilation, pads: none };
  return {
    kind: 'map',
    tensor: denseMeans(value.tensor, windows),
    size: ones,
    stride: value.stride,
    dilation: ones,
  };
}

function windowed(
  tensor: Tensor,
  map: DenseMap,
  windows: Windows,
  outputStride: readonly number[],
  build: (x: Tensor, windows: Windows) => Tensor,
): DenseMap {
  const dense = denseWindows(map, windows, outputStride);
  return { kind: 'map', tensor: build(map.tensor, dense), size: tensor.shape.slice(2), ...dense.next };
}

function denseConvolution(tensor: Tensor, map: DenseMap, outputStride: readonly number[]): DenseMap {
  const [, weights, bias] = tensor.inputs as [Tensor, Tensor, Tensor?];
  const { groups, ...attributes } = convolutionAttributes(tensor);
  const windows = { ...attributes, kernel: weights.shape.slice(2) };
  return windowed(tensor, map, windows, outputStride, (x, { stride, dilation, pads }) =>
    convolution(x, weights, { stride, dilation, pads, groups, ...(bias && { bias }) }),
  );
}

function denseReshape(tensor: Tensor, value: DenseValue): DenseValue {
  return formOf(tensor, value.kind === 'map' ? value : value.map);
}

/** The map itself where a patch's value has its shape. */
function formOf(tensor: Tensor, map: DenseMap): DenseValue {
  const whole = [1, map.tensor.shape[1]!, ...sizeInPatch(map)];
  return sameShape(tensor.shape, whole) ? map : { kind: 'reshaped', map };
}

/** A matrix with its axes exchanged; one that was made so is what it was made of: copying large weights twice takes long. */
function turned(matrix: Tensor): Tensor {
  const isTurned =
    matrix.operator.name === transposeOperator.name && attributesOf(transposeOperator, matrix).perm[0] === 1;
  return isTurned ? matrix.inputs[0]! : transpose(matrix, [1, 0]);
}

/** A linear layer, or means over bins of one axis. */
function denseProduct(tensor: Tensor, values: Values): DenseValue {
  const [a, b] = tensor.inputs as [Tensor, Tensor];
  const [left, right] = [values.get(a), values.get(b)];
  if (left !== undefined && right === undefined && a.shape.length === 2) {
    const map = left.kind === 'map' ? left : left.map;
    return denseLinear(map, turned(b));
  }
  if (right !== undefined && a.operator.name === constantOperator.name) {
    const map = right.kind === 'map' ? right : right.map;
    const patchShape: Shape = [1, map.tensor.shape[1]!, ...sizeInPatch(map)];
    const axis = patchShape.findIndex(
      (length, at) =>
        at > 1 && length === b.shape.at(-2) && sizeOf(patchShape.slice(at + 1)) === b.shape.at(-1),
    );
    if (axis > 0 && map.bins?.[axis - 2] === undefined) {
      const { values: shares } = attributesOf(constantOperator, a) as ConstantAttributes;
      const bins = map.size.map((_, at) =>
        at === axis - 2 ? { count: a.shape[0]!, shares } : map.bins?.[at],
      );
      return formOf(tensor, { ...map, bins });
    }
  }
  throw unsupported(tensor, 'it is neither a linear layer nor a mean over bins');
}

function denseSlice(tensor: Tensor, map: DenseMap, outputStride: readonly number[]): DenseMap {
  const { axis, start, end, step } = attributesOf(sliceOperator, tensor);
  if (axis === 1) return { ...map, tensor: slice(map.tensor, 1, start, end, step) };
  if (axis < 1) throw unsupported(tensor, 'it cuts the batch');
  const at = axis - 2;
  const spread = map.dilation[at]!;
  const length = map.tensor.shape[axis]!;
  const cut = slice(map.tensor, axis, start * spread, length - (map.size[at]! - end) * spread);
  const ones = map.size.map(() => 1);
  const none = [...ones, ...ones].map(() => 0);
  const windows = { kernel: ones, stride: ones.with(at, step), dilation: ones, pads: none };
  return windowed(tensor, { ...map, tensor: cut }, windows, outputStride, (x, { stride }) =>
    slice(x, axis, 0, x.shape[axis]!, stride[at]!),
  );
}

function densePad(tensor: Tensor, map: DenseMap): DenseMap {
  const { begin, end, value } = attributesOf(padOperator, tensor);
  const spread = (sizes: readonly number[]) => {
    return sizes.map((size, axis) => (axis < 2 ? size : size * map.dilation[axis - 2]!));
  };
  return { ...map, tensor: pad(map.tensor, spread(begin), spread(end), value), size: tensor.shape.slice(2) };
}

/** Elementwise operators and concatenations: operands of the same windows, cut to the same length. */
function joined(tensor: Tensor, values: Values): DenseMap {
  const maps = tensor.inputs.map((source) => {
    const value = values.get(source);
    return value === undefined ? undefined : plain(tensor, value.kind === 'map' ? value : value.map);
  });
  const first = maps.find((map) => map !== undefined)!;
  const isAlike = (map: DenseMap) =>
    sameShape(map.stride, first.stride) && sameShape(map.dilation, first.dilation);
  if (!maps.every((map) => map === undefined || isAlike(map))) {
    throw unsupported(tensor, 'its inputs have strides of their own');
  }
  const lengths = first.size.map((_, axis) =>
    Math.min(...maps.flatMap((map) => (map === undefined ? [] : [map.tensor.shape[axis + 2]!]))),
  );
  const operands = maps.map((map, index) =>
    map === undefined ? broadcastable(tensor.inputs[index]!, first) : firstElements(map.tensor, lengths),
  );
  return { ...first, tensor: apply(tensor.operator, operands, tensor.attributes) };
}

/** A constant or parameter that the patch's graph adds to a flat vector or a map, shaped for a map. */
function broadcastable(operand: Tensor, { tensor, size }: DenseMap): Tensor {
  const { shape } = operand;
  if (sizeOf(shape) === 1) return operand;
  const isVector = sizeOf(shape) === tensor.shape[1]! && shape.includes(tensor.shape[1]!);
  if (!isVector) throw unsupported(operand, 'it differs from pixel to pixel of a patch');
  return reshape(operand, [tensor.shape[1]!, ...size.map(() => 1)]);
}
