import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, type Operator, type ReferenceArray, type Tensor } from '../graph/tensor.ts';
import { imageShape } from './layout.ts';

/** Offset of the first largest element (row-major) of the 2 x 2 window at `corner`. */
function firstLargest({ shape, values }: ReferenceArray, corner: number): number {
  const width = shape[3]!;
  let best = corner;
  for (const offset of [corner + 1, corner + width, corner + width + 1]) {
    if (values[offset]! > values[best]!) best = offset;
  }
  return best;
}

function forEachWindow(x: ReferenceArray, visit: (window: number, largest: number) => void): void {
  const [, , h, w] = x.shape as [number, number, number, number];
  const planes = x.values.length / (h * w);
  let window = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (let i = 0; i < h; i += 2) {
      for (let j = 0; j < w; j += 2) visit(window++, firstLargest(x, (plane * h + i) * w + j));
    }
  }
}

/**
 * y = the largest of each 2 x 2 window. dx = dy at the largest element, 0 elsewhere; among equal ones the first
 * in row-major order gets it, as in PyTorch.
 */
export const maxPool2Operator: Operator<Record<string, never>> = {
  name: 'maxPool2',
  infer: ([x]) => {
    const [n, c, h, w] = imageShape('maxPool2', x!);
    if (h % 2 !== 0 || w % 2 !== 0) {
      throw new NetworkError(
        'shape-mismatch',
        `maxPool2: height and width must be even, found ${formatShape(x!.shape)}`,
      );
    }
    return { shape: [n, c, h / 2, w / 2], type: 'float32' };
  },
  gradient: (result, dy) => [apply(maxUnpool2Operator, [result.inputs[0]!, result, dy], {})],
  emit: (_, [x], onnx) =>
    onnx.node('MaxPool', [x!], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }),
  evaluate: (result, [x]) => {
    const values = new Float64Array(sizeOf(result.shape));
    forEachWindow(x!, (window, largest) => {
      values[window] = x!.values[largest]!;
    });
    return values;
  },
};

/** The gradient of `maxPool2` from its input, its result and dy; uses the positions that MaxPool reports. */
export const maxUnpool2Operator: Operator<Record<string, never>> = {
  name: 'maxUnpool2',
  infer: ([x]) => ({ shape: x!.shape, type: 'float32' }),
  emit: (result, [, pooled, dy], onnx) =>
    onnx.node('MaxUnpool', [dy!, onnx.secondOutput(pooled!), onnx.int64(result.shape)], {
      kernel_shape: { ints: [2, 2] },
      strides: { ints: [2, 2] },
    }),
  evaluate: (result, [x, , dy]) => {
    const values = new Float64Array(sizeOf(result.shape));
    forEachWindow(x!, (window, largest) => {
      values[largest] = dy!.values[window]!;
    });
    return values;
  },
};

export function maxPool2(x: Tensor): Tensor {
  return apply(maxPool2Operator, [x], {});
}
