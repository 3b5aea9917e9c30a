import { NetworkError } from '../errors/network-error.ts';
import { withGradient } from '../graph/composite.ts';
import { shapeError } from '../graph/origin.ts';
import { formatShape, sameShape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, constant, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { averagePool } from './average-pooling.ts';
import { mul } from './elementwise.ts';
import { imageSizes, type PerAxis, perAxis } from './image.ts';
import { reshape } from './layout.ts';
import { matmul } from './matmul.ts';
import { repeat } from './repeat.ts';

/**
 * [N, C, ...S] enlarged by whole factors, every element repeated (PyTorch's Upsample of mode 'nearest').
 * dx = the sum of dy over the copies: the mean times their number, which ONNX Runtime is fastest at.
 */
export function resizeNearest(x: Tensor, factor: PerAxis): Tensor {
  const { spatial } = imageSizes('resizeNearest', x);
  const factors = perAxis('resizeNearest', 'factor', factor, spatial.length, 1);
  if (factors.every((f) => f === 1)) return x;
  return withGradient('resizeNearest', repeat(x, factors), [x], (dy) => [
    mul(averagePool(dy, { kernel: factors }), scalar(sizeOf(factors))),
  ]);
}

/** Between which elements of an axis of `from` each of `to` lies, and at which part of the way (half-pixel centres). */
function taps(from: number, to: number) {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const first = Math.min(Math.floor(position), from - 1);
    return { first, second: Math.min(first + 1, from - 1), share: Math.min(position - first, 1) };
  });
}

/** The linear interpolation of an axis as a matrix [to, from], or its transpose. */
function weights(from: number, to: number, transposed: boolean): Tensor {
  const values = new Float32Array(to * from);
  const add = (row: number, column: number, share: number) => {
    values[transposed ? column * to + row : row * from + column]! += share;
  };
  for (const [i, { first, second, share }] of taps(from, to).entries()) {
    add(i, first, 1 - share);
    add(i, second, share);
  }
  return constant(values, transposed ? [from, to] : [to, from]);
}

/** Applies the interpolation of one axis from size `from` to `to`, or its transpose (which goes back). */
function alongAxis(x: Tensor, axis: number, from: number, to: number, transposed: boolean): Tensor {
  const { shape } = x;
  const result = shape.with(axis, transposed ? from : to);
  if (from === to) return x;
  const rows = sizeOf(shape.slice(0, axis));
  if (axis === shape.length - 1) {
    return reshape(matmul(reshape(x, [rows, shape[axis]!]), weights(from, to, !transposed)), result);
  }
  const planes = reshape(x, [rows, shape[axis]!, sizeOf(shape.slice(axis + 1))]);
  return reshape(matmul(weights(from, to, transposed), planes), result);
}

/** Up to so many elements per axis, products with the matrix of weights are as fast as ONNX Runtime's Resize. */
const widestProduct = 64;

/**
 * [N, C, ...S] interpolated linearly (bilinear, trilinear) to another spatial size: element i of m lies at
 * (i + 1/2) n / m - 1/2 among the n of x, outside the first and last at these (PyTorch's `align_corners=False`).
 * Axis by axis, as products with constant matrices, whose transposes give dx.
 */
export function resizeLinear(x: Tensor, size: PerAxis): Tensor {
  const { spatial } = imageSizes('resizeLinear', x);
  const target = perAxis('resizeLinear', 'size', size, spatial.length, 1);
  if (sameShape(spatial, target)) return x;
  const resized = (image?: Tensor) => apply(resizeLinearOperator, [image!], { size: target });
  const product = () =>
    target.reduce((image, to, axis) => alongAxis(image, axis + 2, spatial[axis]!, to, false), x);
  const isWide = spatial.length === 2 && Math.max(...spatial) > widestProduct;
  return withGradient(
    'resizeLinear',
    isWide ? resized(x) : product(),
    [x],
    // The last axis first: the image shrinks most cheaply there.
    (dy) => [
      spatial.reduceRight((image, from, axis) => alongAxis(image, axis + 2, from, target[axis]!, true), dy),
    ],
    resized,
  );
}

/** [N, C, ...S] enlarged linearly by whole factors; see `resizeLinear`. */
export function enlargeLinear(x: Tensor, factor: PerAxis): Tensor {
  const { spatial } = imageSizes('enlargeLinear', x);
  const factors = perAxis('enlargeLinear', 'factor', factor, spatial.length, 1);
  return resizeLinear(
    x,
    spatial.map((length, axis) => length * factors[axis]!),
  );
}

/** `resizeLinear` as one step: the form for inference. With open sizes, by whole factors only. */
const resizeLinearOperator: Operator<{ readonly size: readonly number[] }> = {
  name: 'resizeLinear',
  infer: ([x], { size }) => {
    const { n, c, spatial } = imageSizes('resizeLinear', x!);
    if (size.length !== spatial.length) {
      throw shapeError(
        `resizeLinear: ${formatShape(x!.shape)} has no spatial size like ${formatShape(size)}`,
      );
    }
    return { shape: [n, c, ...size], type: 'float32' };
  },
  emit: (result, [x], onnx) => {
    const { size } = attributesOf(resizeLinearOperator, result);
    const { shape } = result.inputs[0]!;
    const scales = size.map((to, axis) => to / shape[axis + 2]!);
    const mode = {
      mode: { string: 'linear' },
      coordinate_transformation_mode: { string: 'half_pixel' },
    };
    const isWhole = scales.every(Number.isInteger);
    // Factors leave the number of images open, sizes do not.
    if (!onnx.dynamic && !isWhole) return onnx.node('Resize', [x!, '', '', onnx.int64(result.shape)], mode);
    if (!isWhole) {
      throw new NetworkError(
        'unsupported',
        `resizeLinear: ${formatShape(shape)} to ${formatShape(result.shape)} is no whole factor, and the model's sizes are open`,
      );
    }
    return onnx.node('Resize', [x!, '', onnx.float32s([1, 1, ...scales])], mode);
  },
  evaluate: (result, [x]) => {
    const { size } = attributesOf(resizeLinearOperator, result);
    let values = x!.values;
    const shape = [...x!.shape];
    for (const [index, to] of size.entries()) {
      const axis = index + 2;
      const from = shape[axis]!;
      const outer = sizeOf(shape.slice(0, axis));
      const inner = sizeOf(shape.slice(axis + 1));
      const next = new Float64Array(outer * to * inner);
      for (const [i, { first, second, share }] of taps(from, to).entries()) {
        for (let row = 0; row < outer; row++) {
          const [a, b, at] = [
            (row * from + first) * inner,
            (row * from + second) * inner,
            (row * to + i) * inner,
          ];
          for (let k = 0; k < inner; k++)
            next[at + k] = (1 - share) * values[a + k]! + share * values[b + k]!;
        }
      }
      values = next;
      shape[axis] = to;
    }
    return values;
  },
};
