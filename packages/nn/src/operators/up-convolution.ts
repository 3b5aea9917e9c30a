import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, type OnnxEmitter, type Operator, type Tensor } from '../graph/tensor.ts';
import { emitInterleaved } from '../onnx/interleave.ts';
import { gather } from '../reference/walk.ts';
import { convolution, convolutionTransposeOperator } from './convolution.ts';
import { imageSizes, spatialAxes } from './image.ts';
import { reshape, transpose } from './layout.ts';
import { matmul } from './matmul.ts';
import { reduceSum } from './reduce.ts';

/**
 * Up-convolution whose stride is the kernel (PyTorch's ConvTranspose):
 * y[n, k, s i + a] = bias[k] + sum over c of x[n, c, i] W[c, k, a], per spatial axis with 0 <= a < s.
 */
export const upConvolutionOperator: Operator<Record<string, never>> = {
  name: 'upConvolution',
  infer: ([x, weight, bias]) => {
    const { n, c, spatial } = imageSizes('upConvolution', x!);
    const [inner, k, ...kernel] = weight!.shape;
    const biasFits = bias === undefined || (bias.shape.length === 1 && bias.shape[0] === k);
    if (inner !== c || k === undefined || kernel.length !== spatial.length || !biasFits) {
      throw new NetworkError(
        'shape-mismatch',
        `upConvolution: image ${formatShape(x!.shape)}, weights ${formatShape(weight!.shape)}${bias ? ` and bias ${formatShape(bias.shape)}` : ''} do not fit: expected weights [${c}, K, ...kernel] of the same rank and bias [K]`,
      );
    }
    return { shape: [n, k, ...spatial.map((size, axis) => size * kernel[axis]!)], type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [x, weight] = result.inputs as [Tensor, Tensor, Tensor?];
    const kernel = weight.shape.slice(2);
    const isSquare = kernel.length === 2 && kernel[0] === kernel[1];
    const [dx, dw] = isSquare
      ? foldedGradients(x, weight, dy, needed)
      : stridedGradients(x, weight, dy, needed);
    return [dx, dw, needed[2] ? reduceSum(dy, [0, ...spatialAxes(dy)]) : undefined];
  },
  emit: (result, names, onnx) => {
    const [x, weight] = result.inputs as [Tensor, Tensor, Tensor?];
    const kernel = weight.shape.slice(2);
    return kernel.length < 3 || sizeOf(kernel) === 1
      ? onnx.node('ConvTranspose', names, { kernel_shape: { ints: kernel }, strides: { ints: kernel } })
      : emitVolume(onnx, names, x.shape, weight.shape);
  },
  evaluate: (result, [x, weight, bias]) => {
    const [n, k] = result.shape as [number, number];
    const [c, , ...kernel] = weight!.shape as [number, number, ...number[]];
    const lead = new Array<number>(3 - kernel.length).fill(1);
    const [d, h, w] = [...lead, ...x!.shape.slice(2)] as [number, number, number];
    const [kd, kh, kw] = [...lead, ...kernel] as [number, number, number];
    const values = new Float64Array(sizeOf(result.shape));
    const [plane, whole, taps] = [d * h * w, d * h * w * kd * kh * kw, kd * kh * kw];
    for (let image = 0; image < n * k; image++) {
      const filter = image % k;
      const batch = Math.floor(image / k);
      if (bias !== undefined) values.fill(bias.values[filter]!, image * whole, (image + 1) * whole);
      for (let channel = 0; channel < c; channel++) {
        for (let tap = 0; tap < taps; tap++) {
          const factor = weight!.values[(channel * k + filter) * taps + tap]!;
          const [a, b, e] = [Math.floor(tap / (kh * kw)), Math.floor(tap / kw) % kh, tap % kw];
          let from = (batch * c + channel) * plane;
          for (let i = 0; i < d; i++) {
            for (let j = 0; j < h; j++) {
              const row = ((image * d * kd + i * kd + a) * h * kh + j * kh + b) * w * kw + e;
              for (let l = 0; l < w; l++) values[row + l * kw]! += factor * x!.values[from++]!;
            }
          }
        }
      }
    }
    return values;
  },
};

/**
 * Of volumes: one 1 x 1 convolution for all kernel positions, then these woven together axis by axis. ONNX Runtime's
 * ConvTranspose takes four times as long.
 */
function emitVolume(
  onnx: OnnxEmitter,
  [x, weight, bias]: readonly string[],
  image: Shape,
  weights: Shape,
): string {
  const [n, , ...spatial] = image as [number, number, ...number[]];
  const [c, k, ...kernel] = weights as [number, number, ...number[]];
  const taps = sizeOf(kernel);
  // [C, K, taps] as filters [taps K, C, 1, ...]: kernel positions are outermost, so that each is a slice.
  const flat = onnx.node('Reshape', [weight!, onnx.int64([c, k, taps])]);
  const turned = onnx.node('Transpose', [flat], { perm: { ints: [2, 1, 0] } });
  // As an image of two axes, which more execution providers can convolve.
  const [d, h, w] = spatial as [number, number, number];
  const view = onnx.dynamic
    ? x!
    : onnx.node('Reshape', [x!, onnx.int64([onnx.openBatch ? 0 : n, c, d, h * w])]);
  const ones = onnx.dynamic ? [1, 1, 1] : [1, 1];
  const filters = onnx.node('Reshape', [turned, onnx.int64([taps * k, c, ...ones])]);
  const shifts = bias === undefined ? [] : [onnx.node('Tile', [bias, onnx.int64([taps])])];
  const all = onnx.node('Conv', [view, filters, ...shifts]);
  let parts = Array.from({ length: taps }, (_, tap) =>
    onnx.node('Slice', [all, onnx.int64([tap * k]), onnx.int64([(tap + 1) * k]), onnx.int64([1])]),
  );
  let shape = [n, k, ...spatial];
  for (let axis = kernel.length + 1; axis >= 2; axis--) {
    const step = kernel[axis - 2]!;
    const groups = Array.from({ length: parts.length / step }, (_, i) =>
      parts.slice(i * step, (i + 1) * step),
    );
    parts = groups.map((group) => emitInterleaved(onnx, group, shape, axis));
    shape = shape.with(axis, shape[axis]! * step);
  }
  return parts[0]!;
}

/** With the pixels of dy folded into channels, dx is a 1 x 1 convolution and dW a product: the fastest, of images. */
function foldedGradients(x: Tensor, weight: Tensor, dy: Tensor, needed: readonly boolean[]) {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [, k, size] = weight.shape as [number, number, number];
  const taps = size * size;
  const folded = apply(foldedPixelsOperator, [dy], { size });
  const dx = () => convolution(folded, reshape(transpose(weight, [0, 2, 3, 1]), [c, taps * k, 1, 1]));
  const dw = () => {
    const pixelsLast = transpose(reshape(folded, [n, taps * k, h * w]), [0, 2, 1]);
    const products = matmul(reshape(x, [n, c, h * w]), pixelsLast);
    return transpose(reshape(reduceSum(products, [0]), [c, size, size, k]), [0, 3, 1, 2]);
  };
  return [needed[0] ? dx() : undefined, needed[1] ? dw() : undefined];
}

/** Those of the transposed convolution that an up-convolution is: dx is a convolution whose stride is the kernel. */
function stridedGradients(x: Tensor, weight: Tensor, dy: Tensor, needed: readonly boolean[]) {
  const stride = weight.shape.slice(2);
  const same = apply(convolutionTransposeOperator, [x, weight], {
    stride,
    pads: stride.flatMap(() => [0, 0]),
    dilation: stride.map(() => 1),
    groups: 1,
    size: dy.shape.slice(2),
  });
  return convolutionTransposeOperator.gradient!(same, dy, needed);
}

/** y[n, (a s + b) K + k, h, w] = x[n, k, s h + a, s w + b]: pixels become channels. For use in gradients. */
const foldedPixelsOperator: Operator<{ readonly size: number }> = {
  name: 'foldedPixels',
  infer: ([x], { size }) => {
    const [n, k, h, w] = x!.shape as [number, number, number, number];
    return { shape: [n, k * size * size, h / size, w / size], type: 'float32' };
  },
  emit: (result, [x], onnx) => {
    const { size } = attributesOf(foldedPixelsOperator, result);
    if (!onnx.portable) return onnx.node('SpaceToDepth', [x!], { blocksize: { int: size } });
    const [n, channels, h, w] = result.shape as [number, number, number, number];
    const split = onnx.node('Reshape', [x!, onnx.int64([n, channels / size ** 2, h, size, w, size])]);
    const moved = onnx.node('Transpose', [split], { perm: { ints: [0, 3, 5, 1, 2, 4] } });
    return onnx.node('Reshape', [moved, onnx.int64(result.shape)]);
  },
  evaluate: (result, [x]) => {
    const { size } = attributesOf(foldedPixelsOperator, result);
    const [n, k, height, width] = x!.shape as [number, number, number, number];
    const [image, plane] = [k * height * width, height * width];
    return gather(
      x!.values,
      [n, size, size, k, height / size, width / size],
      [image, width, 1, plane, size * width, size],
    );
  },
};

/**
 * Enlarges [N, C, ...S] by the size of the kernel of weights [C, K, ...kernel], with an optional bias [K]. Throws a
 * `NetworkError` ('shape-mismatch').
 */
export function upConvolution(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return apply(upConvolutionOperator, bias === undefined ? [x, weight] : [x, weight, bias], {});
}

/** `upConvolution` of [N, C, H, W] with weights [C, K, 2, 2] and bias [K]. */
export function upConvolution2(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return upConvolution(x, weight, bias);
}
