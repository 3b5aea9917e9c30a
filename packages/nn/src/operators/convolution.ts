import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, type Operator, type Tensor } from '../graph/tensor.ts';
import { emitBlockedConvolution, suitsBlocks } from '../onnx/channel-blocks.ts';
import { concat, imageShape, reshape, slice, transpose } from './layout.ts';
import { matmul } from './matmul.ts';
import { reduceSum } from './reduce.ts';

export interface ConvolutionAttributes {
  readonly stride: readonly [number, number];
  /** Rows and columns of zeros: top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
}

export interface ConvolutionOptions {
  readonly bias?: Tensor;
  readonly stride?: readonly [number, number];
  readonly pads?: readonly [number, number, number, number];
  readonly dilation?: readonly [number, number];
}

/**
 * y[n, k, i, j] = b[k] + sum over c, u, v of x[n, c, s i + d u - p, s j + d v - p] w[k, c, u, v]
 * (cross-correlation, as every deep learning library has it).
 *
 * dw is ONE dilated convolution: x with channels last is an image [1, N, H, W C], dy an [K, N, OH, OW] kernel
 * with dilations [s, s C]; the result [K, U, V C] is permuted to [K, C, U, V]. dx is the convolution of dy with
 * the flipped, transposed kernel (stride 1; larger strides are not differentiable with respect to x).
 */
export const convolutionOperator: Operator<ConvolutionAttributes> = {
  name: 'convolution',
  infer: ([x, w, b], attributes) => {
    const [n, c, h, width] = imageShape('convolution', x!);
    const [k, inner, u, v] = imageShape('convolution (weights)', w!);
    if (inner !== c || (b !== undefined && (b.shape.length !== 1 || b.shape[0] !== k))) {
      throw new NetworkError(
        'shape-mismatch',
        `convolution: image ${formatShape(x!.shape)} and weights ${formatShape(w!.shape)}${b ? ` and bias ${formatShape(b.shape)}` : ''} do not fit: expected ${c} input channels, ${k} biases`,
      );
    }
    const { stride, pads, dilation } = attributes;
    const outputSize = (size: number, kernel: number, axis: 0 | 1) =>
      Math.floor((size + pads[axis] + pads[axis + 2]! - dilation[axis] * (kernel - 1) - 1) / stride[axis]) +
      1;
    const shape = [n, k, outputSize(h, u, 0), outputSize(width, v, 1)];
    if (shape.some((size) => size < 1)) {
      throw new NetworkError(
        'shape-mismatch',
        `convolution: image ${formatShape(x!.shape)} is too small for weights ${formatShape(w!.shape)}`,
      );
    }
    return { shape, type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [x, w] = result.inputs as [Tensor, Tensor, Tensor?];
    const attributes = attributesOf(convolutionOperator, result);
    return [
      needed[0] ? inputGradient(x, w, dy, attributes) : undefined,
      needed[1] ? weightGradient(x, w, dy, attributes) : undefined,
      needed[2] ? reduceSum(dy, [0, 2, 3]) : undefined,
    ];
  },
  emit: (result, inputs, onnx) => {
    const { stride, pads, dilation } = attributesOf(convolutionOperator, result);
    const sizes = { strides: { ints: stride }, pads: { ints: pads }, dilations: { ints: dilation } };
    const [x, w] = result.inputs as [Tensor, Tensor];
    return suitsBlocks(x.shape, w.shape, onnx.channelBlock)
      ? emitBlockedConvolution(onnx, inputs, w.shape, sizes)
      : onnx.node('Conv', inputs, sizes);
  },
  evaluate: (result, [x, w, b]) => {
    const { stride, pads, dilation } = attributesOf(convolutionOperator, result);
    const [n, k, oh, ow] = result.shape as [number, number, number, number];
    const [, c, h, width] = x!.shape as [number, number, number, number];
    const [, , u, v] = w!.shape as [number, number, number, number];
    const values = new Float64Array(sizeOf(result.shape));
    let to = 0;
    for (let image = 0; image < n; image++) {
      for (let filter = 0; filter < k; filter++) {
        for (let i = 0; i < oh; i++) {
          for (let j = 0; j < ow; j++) {
            let sum = b?.values[filter] ?? 0;
            for (let channel = 0; channel < c; channel++) {
              for (let a = 0; a < u; a++) {
                const row = i * stride[0] - pads[0] + a * dilation[0];
                if (row < 0 || row >= h) continue;
                for (let e = 0; e < v; e++) {
                  const column = j * stride[1] - pads[1] + e * dilation[1];
                  if (column < 0 || column >= width) continue;
                  sum +=
                    x!.values[((image * c + channel) * h + row) * width + column]! *
                    w!.values[((filter * c + channel) * u + a) * v + e]!;
                }
              }
            }
            values[to++] = sum;
          }
        }
      }
    }
    return values;
  },
};

/** y = w[:, :, ::-1, ::-1] with the first two axes swapped: the kernel of the input gradient. */
const flippedKernelOperator: Operator<Record<string, never>> = {
  name: 'flippedKernel',
  infer: ([w]) => {
    const [k, c, u, v] = imageShape('flippedKernel', w!);
    return { shape: [c, k, u, v], type: 'float32' };
  },
  emit: (_, [w], onnx) => {
    const flipped = onnx.node('Slice', [
      w!,
      onnx.int64([-1, -1]),
      onnx.int64([-(2 ** 31), -(2 ** 31)]),
      onnx.int64([2, 3]),
      onnx.int64([-1, -1]),
    ]);
    return onnx.node('Transpose', [flipped], { perm: { ints: [1, 0, 2, 3] } });
  },
  evaluate: (result, [w]) => {
    const [c, k, u, v] = result.shape as [number, number, number, number];
    const area = u * v;
    const values = new Float64Array(w!.values.length);
    for (let channel = 0; channel < c; channel++) {
      for (let filter = 0; filter < k; filter++) {
        for (let i = 0; i < area; i++) {
          values[(channel * k + filter) * area + i] =
            w!.values[(filter * c + channel) * area + area - 1 - i]!;
        }
      }
    }
    return values;
  },
};

function isPointwise(w: Tensor, { stride, pads }: ConvolutionAttributes): boolean {
  return (
    w.shape[2] === 1 &&
    w.shape[3] === 1 &&
    [...stride, ...pads].every((value, i) => value === (i < 2 ? 1 : 0))
  );
}

function inputGradient(x: Tensor, w: Tensor, dy: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { stride, pads, dilation } = attributes;
  if (stride[0] !== 1 || stride[1] !== 1) {
    throw new NetworkError(
      'not-differentiable',
      `convolution: the gradient for its input needs stride 1, found ${formatShape(stride)}`,
    );
  }
  const reach = [dilation[0] * (w.shape[2]! - 1), dilation[1] * (w.shape[3]! - 1)] as const;
  const [, , h, width] = x.shape;
  const top = reach[0] - pads[0];
  const left = reach[1] - pads[1];
  const kernel = isPointwise(w, attributes)
    ? transpose(w, [1, 0, 2, 3])
    : apply(flippedKernelOperator, [w], {});
  return convolution(dy, kernel, {
    pads: [top, left, h! + reach[0] - dy.shape[2]! - top, width! + reach[1] - dy.shape[3]! - left],
    dilation,
  });
}

function weightGradient(x: Tensor, w: Tensor, dy: Tensor, attributes: ConvolutionAttributes): Tensor {
  const [n, c, h, width] = imageShape('convolution', x);
  const [k, , u, v] = imageShape('convolution', w);
  if (isPointwise(w, attributes)) {
    const products = matmul(
      reshape(dy, [n, k, h * width]),
      transpose(reshape(x, [n, c, h * width]), [0, 2, 1]),
    );
    return reshape(reduceSum(products, [0]), w.shape);
  }
  const { stride, pads, dilation } = attributes;
  const image = reshape(transpose(x, [0, 2, 3, 1]), [1, n, h, width * c]);
  const wide = convolution(image, transpose(dy, [1, 0, 2, 3]), {
    dilation: [stride[0], stride[1] * c],
    stride: [dilation[0], 1],
    pads: [pads[0], pads[1] * c, pads[2], pads[3] * c],
  });
  // Rows and columns that no kernel position reaches are cut off; dilated columns are picked out in groups of C.
  const reachColumns = dilation[1] * (v - 1) + 1;
  const rows = slice(wide, 2, 0, u);
  const grid = reshape(slice(rows, 3, 0, reachColumns * c), [k, u, reachColumns, c]);
  const picked = dilation[1] === 1 ? grid : pickEvery(grid, dilation[1], v);
  return transpose(picked, [0, 3, 1, 2]);
}

function pickEvery(grid: Tensor, step: number, count: number): Tensor {
  const columns = Array.from({ length: count }, (_, i) => slice(grid, 2, i * step, i * step + 1));
  return concat(columns, 2);
}

/** 2-D convolution of [N, C, H, W] with weights [K, C, U, V] and an optional bias [K]. */
export function convolution(x: Tensor, w: Tensor, options: ConvolutionOptions = {}): Tensor {
  const { bias, stride = [1, 1], pads = [0, 0, 0, 0], dilation = [1, 1] } = options;
  return apply(convolutionOperator, bias === undefined ? [x, w] : [x, w, bias], { stride, pads, dilation });
}

/** Stride, padding and dilation of a tensor that a convolution made. */
export function convolutionAttributes(result: Tensor): ConvolutionAttributes {
  return attributesOf(convolutionOperator, result);
}
