import { emitBody } from '../graph/emit-body.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import {
  apply,
  attributesOf,
  type OnnxEmitter,
  type Operator,
  type ReferenceArray,
  scalar,
  type Tensor,
} from '../graph/tensor.ts';
import { emitHalving, emitHalvingGradient, halves } from '../onnx/blocked-pooling.ts';
import { add, equal, sub, where } from './elementwise.ts';
import { concat, reshape, slice } from './layout.ts';
import { pad } from './pad.ts';
import {
  forEachWindow,
  onnxPooling,
  type PoolAttributes,
  type PoolOptions,
  poolAttributes,
  pooledShape,
} from './pool-windows.ts';

/** Calls `visit` with every window's number and the offset of its largest element, the first in row-major order. */
function forEachLargest(
  { shape, values }: ReferenceArray,
  pooled: Shape,
  attributes: PoolAttributes,
  visit: (index: number, largest: number) => void,
): void {
  forEachWindow(shape, pooled, attributes, (index, { plane, z0, z1, y0, y1, x0, x1 }, height, width) => {
    let best = -1;
    let largest = Number.NEGATIVE_INFINITY;
    for (let z = z0; z < z1; z++) {
      for (let y = y0; y < y1; y++) {
        const row = plane + (z * height + y) * width;
        for (let offset = row + x0; offset < row + x1; offset++) {
          if (best >= 0 && !(values[offset]! > largest)) continue;
          best = offset;
          largest = values[offset]!;
        }
      }
    }
    visit(index, best);
  });
}

/**
 * y = the largest element of each window; padding counts as -infinity. dx = dy at the largest elements, summed where
 * windows share one, 0 elsewhere; among equal ones the first in row-major order gets it, as in PyTorch.
 */
export const maxPoolOperator: Operator<PoolAttributes> = {
  name: 'maxPool',
  infer: ([x], attributes) => ({ shape: pooledShape('maxPool', x!, attributes), type: 'float32' }),
  gradient: (result, dy) => {
    const attributes = attributesOf(maxPoolOperator, result);
    return [apply(maxPoolGradientOperator, [result.inputs[0]!, result, dy], attributes)];
  },
  emit: (result, [x], onnx) => {
    const attributes = attributesOf(maxPoolOperator, result);
    const { shape } = result.inputs[0]!;
    if (onnx.isBlocked(x!) && halves(shape, attributes, onnx.channelBlock)) {
      return emitHalving(onnx, x!, shape, result.shape);
    }
    return onnx.node(
      'MaxPool',
      [x!],
      onnxPooling(result.inputs[0]!.shape, result.shape, attributes, onnx.dynamic),
    );
  },
  evaluate: (result, [x]) => {
    const values = new Float64Array(sizeOf(result.shape));
    forEachLargest(x!, result.shape, attributesOf(maxPoolOperator, result), (index, largest) => {
      values[index] = x!.values[largest]!;
    });
    return values;
  },
};

/** The gradient of `maxPool` from its input, its result and dy. */
export const maxPoolGradientOperator: Operator<PoolAttributes> = {
  name: 'maxPoolGradient',
  infer: ([x]) => ({ shape: x!.shape, type: 'float32' }),
  emit: (result, names, onnx) => {
    const attributes = attributesOf(maxPoolGradientOperator, result);
    if (onnx.portable) {
      return emitBody(onnx, result.inputs, names, (x, y, dy) => portableGradient(x!, y!, dy!, attributes));
    }
    const [x, y, dy] = names as [string, string, string];
    if (onnx.isBlocked(x) && onnx.isBlocked(y) && halves(result.shape, attributes, onnx.channelBlock)) {
      return emitHalvingGradient(onnx, [x, y, dy], result.shape, result.inputs[1]!.shape);
    }
    const positions = onnx.secondOutput(y);
    return attributes.kernel.every((size, axis) => size <= attributes.stride[axis]!)
      ? unpool(onnx, dy, positions, result.shape)
      : scatter(onnx, dy, positions, result.shape);
  },
  evaluate: (result, [x, y, dy]) => {
    const values = new Float64Array(sizeOf(result.shape));
    const attributes = attributesOf(maxPoolGradientOperator, result);
    forEachLargest(x!, y!.shape, attributes, (index, largest) => {
      values[largest]! += dy!.values[index]!;
    });
    return values;
  },
};

/**
 * Windows that do not overlap: every position that MaxPool reports is there once. The kernel serves ONNX Runtime only
 * to check the shape, and by a rule that knows neither padding nor ceil mode: 1 always passes.
 */
function unpool(onnx: OnnxEmitter, dy: string, positions: string, shape: Shape): string {
  return onnx.node('MaxUnpool', [dy, positions, onnx.int64(shape)], {
    kernel_shape: { ints: shape.slice(2).map(() => 1) },
  });
}

/** Windows that overlap: dy is added up at the positions that MaxPool reports, which count through the whole array. */
function scatter(onnx: OnnxEmitter, dy: string, positions: string, shape: Shape): string {
  const flat = (name: string) => onnx.node('Reshape', [name, onnx.int64([-1])]);
  const zeros = onnx.node('ConstantOfShape', [onnx.int64([sizeOf(shape)])]);
  const sums = onnx.node('ScatterElements', [zeros, flat(positions), flat(dy)], {
    axis: { int: 0 },
    reduction: { string: 'add' },
  });
  return onnx.node('Reshape', [sums, onnx.int64(shape)]);
}

/** The lowest float32: stands for -infinity, which comparisons on a GPU need not honour. */
const lowest = -3.4028234663852886e38;

/**
 * Kernel offset by kernel offset, in row-major order: the elements of all windows at that offset are a strided slice of
 * x; where they equal the maximum, they take what is left of dy. Elements are told apart by their remainder modulo
 * the stride, so that the parts are added up as smaller images and only put together at the end.
 */
function portableGradient(x: Tensor, y: Tensor, dy: Tensor, attributes: PoolAttributes): Tensor {
  const { kernel, stride, pads } = attributes;
  const rank = kernel.length;
  const counts = y.shape.slice(2);
  // Windows see steps of a stride: their own, and so many more.
  const more = kernel.map((size, axis) => Math.ceil(size / stride[axis]!) - 1);
  const padded = counts.map((count, axis) => (count + more[axis]!) * stride[axis]!);
  const begin = [0, 0, ...pads.slice(0, rank)];
  const end = [0, 0, ...padded.map((size, axis) => size - x.shape[axis + 2]! - pads[axis]!)];
  const phases = split(pad(x, begin, end, lowest), kernel, stride);
  const parts = new Map<string, Tensor>();
  let left = dy;
  for (const offset of indicesOf(kernel)) {
    const phase = offset.map((o, axis) => o % stride[axis]!);
    const steps = offset.map((o, axis) => Math.floor(o / stride[axis]!));
    let candidates = phases.get(phase.join())!;
    for (const [axis, step] of steps.entries()) {
      candidates = slice(candidates, axis + 2, step, step + counts[axis]!);
    }
    const taken = where(equal(candidates, y), left, scalar(0));
    left = sub(left, taken);
    const shifted = pad(taken, [0, 0, ...steps], [0, 0, ...more.map((size, axis) => size - steps[axis]!)]);
    const key = phase.join();
    const sum = parts.get(key);
    parts.set(key, sum === undefined ? shifted : add(sum, shifted));
  }

  return pad(
    interleave(parts, kernel, stride),
    begin.map((size) => -size),
    end.map((size) => -size),
  );
}

/** All indices below `sizes`, in row-major order. */
function indicesOf(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (indices, size) => indices.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

/** Remainders modulo the stride that kernel offsets along an axis can have. */
function phaseCount(kernel: readonly number[], stride: readonly number[], axis: number): number {
  return Math.min(kernel[axis]!, stride[axis]!);
}

/** x in parts by the remainder of the position modulo the stride; keys are the remainders of all axes, joined. */
function split(x: Tensor, kernel: readonly number[], stride: readonly number[]): Map<string, Tensor> {
  let parts = new Map([['', x]]);
  for (let axis = kernel.length - 1; axis >= 0; axis--) {
    const next = new Map<string, Tensor>();
    for (const [phase, part] of parts) {
      for (let first = 0; first < phaseCount(kernel, stride, axis); first++) {
        const key = phase === '' ? `${first}` : `${first},${phase}`;
        next.set(key, slice(part, axis + 2, first, x.shape[axis + 2]!, stride[axis]!));
      }
    }
    parts = next;
  }
  return parts;
}

/** Undoes `split`; where the kernel is smaller than the stride, with zeros. */
function interleave(
  parts: ReadonlyMap<string, Tensor>,
  kernel: readonly number[],
  stride: readonly number[],
) {
  let columns = parts;
  for (let axis = kernel.length - 1; axis >= 0; axis--) {
    const groups = new Map<string, Tensor[]>();
    for (const [phase, part] of columns) {
      const outer = phase.slice(0, Math.max(phase.lastIndexOf(','), 0));
      groups.set(outer, [...(groups.get(outer) ?? []), part]);
    }
    const step = stride[axis]!;
    columns = new Map([...groups].map(([outer, group]) => [outer, weave(group, axis + 2, step)]));
  }
  return columns.get('')!;
}

/** The first elements of all parts along an axis, then the second ones, ..., in steps of `step` (the rest is zero). */
function weave(parts: readonly Tensor[], axis: number, step: number): Tensor {
  if (step === 1) return parts[0]!;
  const { shape } = parts[0]!;
  const apart = shape.toSpliced(axis + 1, 0, 1);
  const group = concat(
    parts.map((part) => reshape(part, apart)),
    axis + 1,
  );
  const none = apart.map(() => 0);
  const full = pad(group, none, none.with(axis + 1, step - parts.length));
  return reshape(full, shape.with(axis, shape[axis]! * step));
}

/**
 * The largest element of each window of [N, C, ...S]; padding counts as -infinity. Throws a `NetworkError` where pads
 * are as large as the kernel, or the kernel larger than the padded image.
 */
export function maxPool(x: Tensor, options: PoolOptions): Tensor {
  return apply(maxPoolOperator, [x], poolAttributes('maxPool', x, options));
}

/** `maxPool` with kernel and stride 2. */
export function maxPool2(x: Tensor): Tensor {
  return maxPool(x, { kernel: 2 });
}
