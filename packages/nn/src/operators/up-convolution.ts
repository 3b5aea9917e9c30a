import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, type Operator, type Tensor } from '../graph/tensor.ts';
import { convolution } from './convolution.ts';
import { imageShape, reshape, spaceToDepth, transpose } from './layout.ts';
import { matmul } from './matmul.ts';
import { reduceSum } from './reduce.ts';

/**
 * Up-convolution with kernel and stride 2 (PyTorch's ConvTranspose2d):
 * y[n, k, 2h + a, 2w + b] = bias[k] + sum over c of x[n, c, h, w] W[c, k, a, b].
 * Gradients: with the pixels of dy folded into channels, dx is a 1 x 1 convolution and dW a matrix product.
 */
export const upConvolution2Operator: Operator<Record<string, never>> = {
  name: 'upConvolution2',
  infer: ([x, weight, bias]) => {
    const [n, c, h, w] = imageShape('upConvolution2', x!);
    const [inner, k, a, b] = imageShape('upConvolution2 (weights)', weight!);
    if (inner !== c || a !== 2 || b !== 2 || bias!.shape.length !== 1 || bias!.shape[0] !== k) {
      throw new NetworkError(
        'shape-mismatch',
        `upConvolution2: image ${formatShape(x!.shape)}, weights ${formatShape(weight!.shape)} and bias ${formatShape(bias!.shape)} do not fit: expected weights [${c}, K, 2, 2] and bias [K]`,
      );
    }
    return { shape: [n, k, 2 * h, 2 * w], type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [x, weight] = result.inputs as [Tensor, Tensor, Tensor];
    const [n, c, h, w] = imageShape('upConvolution2', x);
    const k = weight.shape[1]!;
    const folded = spaceToDepth(dy, 2);
    const dx = () => convolution(folded, reshape(transpose(weight, [0, 2, 3, 1]), [c, 4 * k, 1, 1]));
    const dw = () => {
      const pixelsLast = reshape(folded, [n, 4 * k, h * w]);
      const products = matmul(reshape(x, [n, c, h * w]), transpose(pixelsLast, [0, 2, 1]));
      return transpose(reshape(reduceSum(products, [0]), [c, 2, 2, k]), [0, 3, 1, 2]);
    };
    return [
      needed[0] ? dx() : undefined,
      needed[1] ? dw() : undefined,
      needed[2] ? reduceSum(dy, [0, 2, 3]) : undefined,
    ];
  },
  emit: (_, inputs, onnx) =>
    onnx.node('ConvTranspose', inputs, { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }),
  evaluate: (result, [x, weight, bias]) => {
    const [n, k, height, width] = result.shape as [number, number, number, number];
    const c = x!.shape[1]!;
    const [h, w] = [height / 2, width / 2];
    const values = new Float64Array(sizeOf(result.shape));
    let to = 0;
    for (let image = 0; image < n; image++) {
      for (let filter = 0; filter < k; filter++) {
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            let sum = bias!.values[filter]!;
            const pixel = (i >> 1) * w + (j >> 1);
            const tap = 2 * (i % 2) + (j % 2);
            for (let channel = 0; channel < c; channel++) {
              sum +=
                x!.values[(image * c + channel) * h * w + pixel]! *
                weight!.values[(channel * k + filter) * 4 + tap]!;
            }
            values[to++] = sum;
          }
        }
      }
    }
    return values;
  },
};

/** Doubles height and width of [N, C, H, W] with weights [C, K, 2, 2] and bias [K]. */
export function upConvolution2(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return apply(upConvolution2Operator, [x, weight, bias], {});
}
