import { type Shape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, constant, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { blockDomain } from '../onnx/channel-blocks.ts';
import { div, mul } from './elementwise.ts';
import { imageSizes, type PerAxis, perAxis } from './image.ts';
import { reshape, spreadOut } from './layout.ts';
import { matmul } from './matmul.ts';
import { pad } from './pad.ts';
import {
  forEachWindow,
  missingAtEnd,
  onnxPooling,
  type PoolAttributes,
  type PoolOptions,
  poolAttributes,
  pooledShape,
} from './pool-windows.ts';
import { expand } from './reduce.ts';
import { repeat } from './repeat.ts';

export interface AveragePoolOptions extends PoolOptions {
  /** Whether zeros of the padding count as elements (PyTorch's count_include_pad). Default true, as there. */
  readonly countIncludePad?: boolean;
}

interface AveragePoolAttributes extends PoolAttributes {
  readonly countIncludePad: boolean;
}

/**
 * y = the mean of each window: sum / divisor. Where the padding counts, the divisor is the part of the window that
 * lies in the padded image; else that in the image; what `ceilMode` adds never counts (as PyTorch).
 * dx = sum of dy / divisor over the windows that hold the element.
 */
export const averagePoolOperator: Operator<AveragePoolAttributes> = {
  name: 'averagePool',
  infer: ([x], attributes) => ({ shape: pooledShape('averagePool', x!, attributes), type: 'float32' }),
  gradient: (result, dy) => {
    const attributes = attributesOf(averagePoolOperator, result);
    return [averagePoolGradient(dy, result.inputs[0]!.shape, attributes)];
  },
  emit: (result, [x], onnx) => {
    const attributes = attributesOf(averagePoolOperator, result);
    const { shape } = result.inputs[0]!;
    const { pads, kernel, ceilMode, countIncludePad } = attributes;
    if (!countIncludePad || !ceilMode || pads.every((size) => size === 0)) {
      const onnxAttributes = {
        ...onnxPooling(shape, result.shape, attributes, onnx.dynamic),
        count_include_pad: { int: countIncludePad && !ceilMode ? 1 : 0 },
      };
      if (!onnx.isBlocked(x!) || shape.length > 4) return onnx.node('AveragePool', [x!], onnxAttributes);
      const means = onnx.node('AveragePool', [onnx.blocked(x!, shape)], onnxAttributes, blockDomain);
      return onnx.fromBlocks(means, result.shape);
    }
    // Zeros that count, then what ceil mode adds, which does not: ONNX has no single name for both.
    const rank = kernel.length;
    const [begin, end] = [pads.slice(0, rank), pads.slice(rank)];
    const padded = onnx.node('Pad', [x!, onnx.int64([0, 0, ...begin, 0, 0, ...end])]);
    const paddedShape = [
      ...shape.slice(0, 2),
      ...shape.slice(2).map((size, axis) => size + begin[axis]! + end[axis]!),
    ];
    const rest = { ...attributes, pads: pads.map(() => 0) };
    return onnx.node('AveragePool', [padded], onnxPooling(paddedShape, result.shape, rest, onnx.dynamic));
  },
  evaluate: (result, [x]) => {
    const attributes = attributesOf(averagePoolOperator, result);
    const values = new Float64Array(sizeOf(result.shape));
    const divisors = divisorsOf(x!.shape, result.shape, attributes);
    forEachWindow(
      x!.shape,
      result.shape,
      attributes,
      (index, { plane, z0, z1, y0, y1, x0, x1 }, height, width) => {
        let sum = 0;
        for (let z = z0; z < z1; z++) {
          for (let y = y0; y < y1; y++) {
            const row = plane + (z * height + y) * width;
            for (let offset = row + x0; offset < row + x1; offset++) sum += x!.values[offset]!;
          }
        }
        values[index] = sum / divisors[index % divisors.length]!;
      },
    );
    return values;
  },
};

/** The divisor of every window of a plane. */
function divisorsOf(x: Shape, pooled: Shape, attributes: AveragePoolAttributes): number[] {
  const { kernel, stride, pads, countIncludePad } = attributes;
  return kernel.reduce<number[]>(
    (products, size, axis) => {
      const [length, before, after] = [x[axis + 2]!, pads[axis]!, pads[kernel.length + axis]!];
      const [least, most] = countIncludePad ? [-before, length + after] : [0, length];
      const counts = Array.from({ length: pooled[axis + 2]! }, (_, i) => {
        const start = i * stride[axis]! - before;
        return Math.min(start + size, most) - Math.max(start, least);
      });
      return products.flatMap((product) => counts.map((count) => product * count));
    },
    [1],
  );
}

/** dx from dy of [N, C, ...pooled]. */
function averagePoolGradient(dy: Tensor, shape: Shape, attributes: AveragePoolAttributes): Tensor {
  const { kernel, stride, pads } = attributes;
  const rank = kernel.length;
  const volume = sizeOf(kernel);
  const divisors = divisorsOf(shape, dy.shape, attributes);
  const shares = divisors.map((divisor) => volume / divisor);
  const isEven = shares.every((share) => share === 1);
  const weighted = isEven ? dy : mul(dy, constant(shares, [1, 1, ...dy.shape.slice(2)]));
  const missing = missingAtEnd(shape, dy.shape, attributes);
  const before = pads.slice(0, rank);
  if (kernel.every((size, axis) => size === stride[axis])) {
    const spread = repeat(mul(weighted, scalar(1 / volume)), kernel);
    return pad(spread, [0, 0, ...before.map((size) => -size)], [0, 0, ...missing.map((size) => -size)]);
  }
  // Means of stride 1 over dy with zeros between and around it: every element gathers its windows.
  let spread = weighted;
  for (const [axis, step] of stride.entries()) spread = spreadOut(spread, axis + 2, step);
  const around = (sizes: readonly number[]) => [0, 0, ...sizes];
  const padded = pad(
    spread,
    around(kernel.map((size, axis) => size - 1 - before[axis]!)),
    // The last of the zeros that were put between stand after the last window already.
    around(kernel.map((size, axis) => size - 1 - missing[axis]! - (stride[axis]! - 1))),
  );
  return averagePool(padded, { kernel, stride: 1 });
}

/**
 * The mean of each window of [N, C, ...S]. Throws a `NetworkError` where pads are as large as the kernel, or the
 * kernel larger than the padded image.
 */
export function averagePool(x: Tensor, options: AveragePoolOptions): Tensor {
  const { countIncludePad = true } = options;
  return apply(averagePoolOperator, [x], { ...poolAttributes('averagePool', x, options), countIncludePad });
}

/** y = the mean of each plane; dx = dy / number of elements. */
export const globalAveragePoolOperator: Operator<Record<string, never>> = {
  name: 'globalAveragePool',
  infer: ([x]) => {
    const { n, c, spatial } = imageSizes('globalAveragePool', x!);
    return { shape: [n, c, ...spatial.map(() => 1)], type: 'float32' };
  },
  gradient: (result, dy) => {
    const { shape } = result.inputs[0]!;
    return [expand(div(dy, scalar(sizeOf(shape.slice(2)))), shape)];
  },
  emit: (_, inputs, onnx) => onnx.node('GlobalAveragePool', inputs),
  evaluate: (result, [x]) => {
    const values = new Float64Array(sizeOf(result.shape));
    const count = x!.values.length / values.length;
    for (let i = 0; i < x!.values.length; i++) values[Math.floor(i / count)]! += x!.values[i]!;
    return values.map((sum) => sum / count);
  },
};

/** The mean of each plane of [N, C, ...S], as [N, C, 1, ...]. */
export function globalAveragePool(x: Tensor): Tensor {
  return apply(globalAveragePoolOperator, [x], {});
}

/**
 * Means of [N, C, ...S] over as many bins as `size` says, whatever S: bin i of an axis of n elements and m bins holds
 * the elements from floor(i n / m) to before ceil((i + 1) n / m), so that bins may overlap (PyTorch's
 * AdaptiveAvgPool).
 */
export function adaptiveAveragePool(x: Tensor, size: PerAxis): Tensor {
  const name = 'adaptiveAveragePool';
  const { spatial } = imageSizes(name, x);
  const bins = perAxis(name, 'size', size, spatial.length, 1);
  if (bins.every((count) => count === 1)) return globalAveragePool(x);
  if (spatial.every((length, axis) => length % bins[axis]! === 0)) {
    const kernel = spatial.map((length, axis) => length / bins[axis]!);
    return kernel.every((length) => length === 1) ? x : averagePool(x, { kernel });
  }
  return bins.reduce((image, count, axis) => binAxis(image, axis + 2, count), x);
}

/** Bins of one axis, as a product with the matrix of their shares. */
function binAxis(x: Tensor, axis: number, count: number): Tensor {
  const { shape } = x;
  const length = shape[axis]!;
  if (length === count) return x;
  const shares = new Float32Array(count * length);
  for (let bin = 0; bin < count; bin++) {
    const first = Math.floor((bin * length) / count);
    const end = Math.ceil(((bin + 1) * length) / count);
    shares.fill(1 / (end - first), bin * length + first, bin * length + end);
  }
  // N stays by itself: models leave it open.
  const columns = [shape[0]!, sizeOf(shape.slice(1, axis)), length, sizeOf(shape.slice(axis + 1))];
  const means = matmul(constant(shares, [count, length]), reshape(x, columns));
  return reshape(means, shape.with(axis, count));
}
