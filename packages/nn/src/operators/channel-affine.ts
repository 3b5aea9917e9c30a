import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, type Operator, type Tensor } from '../graph/tensor.ts';
import { blockDomain } from '../onnx/channel-blocks.ts';
import { mul } from './elementwise.ts';
import { imageSizes, spatialAxes } from './image.ts';
import { reshape } from './layout.ts';
import { reduceSum } from './reduce.ts';

/**
 * y[n, c, ...] = slope[c] x[n, c, ...] + shift[c]; dx = slope dy, dslope = sum dy x, dshift = sum dy.
 * Written as a depthwise 1 x 1 convolution, because ONNX Runtime then reads and writes the image once, a following
 * ReLU included; a multiplication and an addition take twice as long.
 */
export const channelAffineOperator: Operator<Record<string, never>> = {
  name: 'channelAffine',
  infer: ([x, slope, shift]) => {
    const { c } = imageSizes('channelAffine', x!, 0);
    if ([slope, shift].some((vector) => vector!.shape.length !== 1 || vector!.shape[0] !== c)) {
      throw new NetworkError(
        'shape-mismatch',
        `channelAffine: image ${formatShape(x!.shape)} needs slope and shift [${c}], found ${formatShape(slope!.shape)} and ${formatShape(shift!.shape)}`,
      );
    }
    return { shape: x!.shape, type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [x, slope] = result.inputs as [Tensor, Tensor, Tensor];
    const pixels = [0, ...spatialAxes(x)];
    return [
      needed[0] ? mul(dy, perChannel(slope, x)) : undefined,
      needed[1] ? reduceSum(mul(dy, x), pixels) : undefined,
      needed[2] ? reduceSum(dy, pixels) : undefined,
    ];
  },
  emit: (result, [x, slope, shift], onnx) => {
    const [, channels, ...spatial] = result.shape as [number, number, ...number[]];
    const ones = spatial.map(() => 1);
    if (spatial.length === 0 || onnx.portable) {
      const wide = (vector: string) => onnx.node('Reshape', [vector, onnx.int64([channels, ...ones])]);
      return onnx.node('Add', [onnx.node('Mul', [x!, wide(slope!)]), wide(shift!)]);
    }
    const inBlocks = onnx.isBlocked(x!);
    // In blocks, volumes are images of two axes.
    const kernelShape = [channels, 1, ...(inBlocks ? [1, 1] : ones)];
    const kernel = onnx.node('Reshape', [slope!, onnx.int64(kernelShape)]);
    const group = { group: { int: channels } };
    if (!inBlocks) return onnx.node('Conv', [x!, kernel, shift!], group);
    return onnx.fromBlocks(
      onnx.node('Conv', [onnx.blocked(x!, result.shape), kernel, shift!], group, blockDomain),
      result.shape,
    );
  },
  evaluate: (result, [x, slope, shift]) => {
    const pixels = sizeOf(result.shape.slice(2));
    const channels = result.shape[1]!;
    const values = new Float64Array(x!.values.length);
    for (let plane = 0; plane < result.shape[0]! * channels; plane++) {
      const [a, b] = [slope!.values[plane % channels]!, shift!.values[plane % channels]!];
      for (let i = plane * pixels; i < (plane + 1) * pixels; i++) values[i] = a * x!.values[i]! + b;
    }
    return values;
  },
};

/** slope [C] times x [N, C, ...] plus shift [C]. */
export function channelAffine(x: Tensor, slope: Tensor, shift: Tensor): Tensor {
  return apply(channelAffineOperator, [x, slope, shift], {});
}

/** A vector [C] in the shape [C, 1, ...] in which it broadcasts over the channels of `image`. */
export function perChannel(vector: Tensor, image: Tensor): Tensor {
  return reshape(vector, [vector.shape[0]!, ...image.shape.slice(2).map(() => 1)]);
}
