import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import { apply, type Operator, type Tensor } from '../graph/tensor.ts';
import { blockDomain } from '../onnx/channel-blocks.ts';
import { mul } from './elementwise.ts';
import { imageShape, reshape } from './layout.ts';
import { reduceSum } from './reduce.ts';

/**
 * y[n, c, h, w] = slope[c] x[n, c, h, w] + shift[c]; dx = slope dy, dslope = sum dy x, dshift = sum dy.
 * Written as a depthwise 1 x 1 convolution, because ONNX Runtime then reads and writes the image once, a following
 * ReLU included; a multiplication and an addition take twice as long.
 */
export const channelAffineOperator: Operator<Record<string, never>> = {
  name: 'channelAffine',
  infer: ([x, slope, shift]) => {
    const [, c] = imageShape('channelAffine', x!);
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
    const pixels = [0, 2, 3];
    return [
      needed[0] ? mul(dy, reshape(slope, [slope.shape[0]!, 1, 1])) : undefined,
      needed[1] ? reduceSum(mul(dy, x), pixels) : undefined,
      needed[2] ? reduceSum(dy, pixels) : undefined,
    ];
  },
  emit: (result, [x, slope, shift], onnx) => {
    const channels = result.shape[1]!;
    const kernel = onnx.node('Reshape', [slope!, onnx.int64([channels, 1, 1, 1])]);
    const group = { group: { int: channels } };
    if (!onnx.isBlocked(x!)) return onnx.node('Conv', [x!, kernel, shift!], group);
    return onnx.fromBlocks(
      onnx.node('Conv', [onnx.blocked(x!, result.shape), kernel, shift!], group, blockDomain),
      result.shape,
    );
  },
  evaluate: (result, [x, slope, shift]) => {
    const [, channels, h, w] = result.shape as [number, number, number, number];
    return x!.values.map((value, i) => {
      const c = Math.floor(i / (h * w)) % channels;
      return slope!.values[c]! * value + shift!.values[c]!;
    });
  },
};

export function channelAffine(x: Tensor, slope: Tensor, shift: Tensor): Tensor {
  return apply(channelAffineOperator, [x, slope, shift], {});
}
