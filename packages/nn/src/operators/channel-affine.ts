import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sameShape, sizeOf } from '../graph/shape.ts';
import { apply, type Operator, type Tensor } from '../graph/tensor.ts';
import { blockDomain } from '../onnx/channel-blocks.ts';
import { mul } from './elementwise.ts';
import { imageSizes, spatialAxes } from './image.ts';
import { reshape } from './layout.ts';
import { reduceSum } from './reduce.ts';

/**
 * y[n, c, ...] = slope[c] x[n, c, ...] + shift[c], and perhaps + addend[n, c, ...]; dx = slope dy, dslope = sum dy x,
 * dshift = sum dy, daddend = dy. Written as a depthwise 1 x 1 convolution, because ONNX Runtime then reads and writes the
 * image once, a following ReLU included; a multiplication and an addition take twice as long.
 */
export const channelAffineOperator: Operator<Record<string, never>> = {
  name: 'channelAffine',
  infer: ([x, slope, shift, addend]) => {
    const { c } = imageSizes('channelAffine', x!, 0);
    if ([slope, shift].some((vector) => vector!.shape.length !== 1 || vector!.shape[0] !== c)) {
      throw new NetworkError(
        'shape-mismatch',
        `channelAffine: image ${formatShape(x!.shape)} needs slope and shift [${c}], found ${formatShape(slope!.shape)} and ${formatShape(shift!.shape)}`,
      );
    }
    if (addend !== undefined && !sameShape(addend.shape, x!.shape)) {
      throw new NetworkError(
        'shape-mismatch',
        `channelAffine: image ${formatShape(x!.shape)} and addend ${formatShape(addend.shape)} differ`,
      );
    }
    return { shape: x!.shape, type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [x, slope] = result.inputs as [Tensor, Tensor, Tensor, Tensor?];
    const pixels = [0, ...spatialAxes(x)];
    return [
      needed[0] ? mul(dy, perChannel(slope, x)) : undefined,
      needed[1] ? reduceSum(mul(dy, x), pixels) : undefined,
      needed[2] ? reduceSum(dy, pixels) : undefined,
      dy,
    ];
  },
  emit: (result, [x, slope, shift, addend], onnx) => {
    const { shape } = result;
    const [, channels, ...spatial] = shape as [number, number, ...number[]];
    const ones = spatial.map(() => 1);
    const group = { group: { int: channels } };
    if (onnx.isBlocked(x!)) {
      // In blocks, volumes are images of two axes; there the convolution adds in place, too.
      const kernel = onnx.node('Reshape', [slope!, onnx.int64([channels, 1, 1, 1])]);
      const addends = addend === undefined ? [] : [onnx.blocked(addend, shape)];
      const inputs = [onnx.blocked(x!, shape), kernel, shift!, ...addends];
      return onnx.fromBlocks(onnx.node('Conv', inputs, group, blockDomain), shape);
    }
    const plus = (value: string) => (addend === undefined ? value : onnx.node('Add', [value, addend]));
    if (spatial.length === 0 || onnx.portable) {
      const wide = (vector: string) => onnx.node('Reshape', [vector, onnx.int64([channels, ...ones])]);
      return plus(onnx.node('Add', [onnx.node('Mul', [x!, wide(slope!)]), wide(shift!)]));
    }
    const kernel = onnx.node('Reshape', [slope!, onnx.int64([channels, 1, ...ones])]);
    return plus(onnx.node('Conv', [x!, kernel, shift!], group));
  },
  evaluate: (result, [x, slope, shift, addend]) => {
    const pixels = sizeOf(result.shape.slice(2));
    const channels = result.shape[1]!;
    const values = addend === undefined ? new Float64Array(x!.values.length) : addend.values.slice();
    for (let plane = 0; plane < result.shape[0]! * channels; plane++) {
      const [a, b] = [slope!.values[plane % channels]!, shift!.values[plane % channels]!];
      for (let i = plane * pixels; i < (plane + 1) * pixels; i++) values[i]! += a * x!.values[i]! + b;
    }
    return values;
  },
};

/** slope [C] times x [N, C, ...] plus shift [C], plus an addend of the shape of x if there is one. */
export function channelAffine(x: Tensor, slope: Tensor, shift: Tensor, addend?: Tensor): Tensor {
  const inputs = [x, slope, shift];
  return apply(channelAffineOperator, addend === undefined ? inputs : [...inputs, addend], {});
}

/** A vector [C] in the shape [C, 1, ...] in which it broadcasts over the channels of `image`. */
export function perChannel(vector: Tensor, image: Tensor): Tensor {
  return reshape(vector, [vector.shape[0]!, ...image.shape.slice(2).map(() => 1)]);
}
