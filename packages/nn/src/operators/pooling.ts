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
import { blockDomain, imagesShape } from '../onnx/channel-blocks.ts';
import { add, equal, maximum, sub, where } from './elementwise.ts';
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
    if (onnx.isBlocked(x!)) return emitInBlocks(onnx, x!, shape, result.shape, attributes);
    return onnx.node('MaxPool', [x!], onnxPooling(shape, result.shape, attributes, onnx.dynamic));
  },
  evaluate: (result, [x]) => {
    const values = new Float64Array(sizeOf(result.shape));
    forEachLargest(x!, result.shape, attributesOf(maxPoolOperator, result), (index, largest) => {
      values[index] = x!.values[largest]!;
    });
    return values;
  },
};

/** The lowest float32: stands for -infinity, which comparisons on a GPU need not honour. */
const lowest = -3.4028234663852886e38;

/** In blocks of channels: the engine's kernel for images of two axes; of volumes, it does the slices first. */
function emitInBlocks(
  onnx: OnnxEmitter,
  x: string,
  shape: Shape,
  pooled: Shape,
  attributes: PoolAttributes,
): string {
  const rank = attributes.kernel.length;
  const last = (values: readonly number[]) => values.slice(rank - 2);
  const { kernel, stride, pads, ceilMode } = attributes;
  const plane = {
    kernel: last(kernel),
    stride: last(stride),
    pads: [...last(pads.slice(0, rank)), ...last(pads.slice(rank))],
    ceilMode,
  };
  const flat = (sizes: Shape) => [...sizes.slice(0, 2), ...sizes.slice(-2)];
  const inPlanes = onnx.node(
    'MaxPool',
    [onnx.blocked(x, shape)],
    onnxPooling(flat(shape), flat(pooled), plane, false),
    blockDomain,
  );
  if (rank === 2) return onnx.fromBlocks(inPlanes, pooled);
  const between = [...pooled.slice(0, 2), shape[2]!, ...pooled.slice(3)];
  const { shape: view } = viewOfBlocks(between, onnx.channelBlock);
  const viewed = onnx.node('Reshape', [inPlanes, onnx.int64(view)]);
  const depths = emitBody(onnx, [{ shape: view, type: 'float32' }], [viewed], (slices) =>
    largestDepths(slices!, pooled[2]!, attributes),
  );
  return onnx.fromBlocks(onnx.node('Reshape', [depths, onnx.int64(imagesShape(pooled))]), pooled);
}

/** The largest of every window of axis 1. */
function largestDepths(x: Tensor, count: number, { kernel, stride, pads }: PoolAttributes): Tensor {
  const [size, step, before] = [kernel[0]!, stride[0]!, pads[0]!];
  const none = x.shape.map(() => 0);
  const reach = (count - 1) * step + size;
  const padded = pad(x, none.with(1, before), none.with(1, reach - before - x.shape[1]!), lowest);
  const taps = Array.from({ length: size }, (_, tap) =>
    slice(padded, 1, tap, tap + (count - 1) * step + 1, step),
  );
  return taps.reduce(maximum);
}

/** How a value in blocks lies in memory, with spatial axes of its own: [N C / b, H, W, b] or [N, D, C / b, H, W, b]. */
function viewOfBlocks([n, c, ...spatial]: Shape, block: number): { shape: number[]; axes: number[] } {
  const [h, w] = spatial.slice(-2) as [number, number];
  if (spatial.length === 2) return { shape: [(n! * c!) / block, h, w, block], axes: [1, 2] };
  return { shape: [n!, spatial[0]!, c! / block, h, w, block], axes: [1, 3, 4] };
}

/** The gradient of `maxPool` from its input, its result and dy. */
const maxPoolGradientOperator: Operator<PoolAttributes> = {
  name: 'maxPoolGradient',
  infer: ([x]) => ({ shape: x!.shape, type: 'float32' }),
  emit: (result, names, onnx) => {
    const attributes = attributesOf(maxPoolGradientOperator, result);
    const shapes = result.inputs.map(({ shape }) => shape);
    const axes = attributes.kernel.map((_, axis) => axis + 2);
    if (!onnx.isBlocked(names[1]!)) {
      return emitBody(onnx, result.inputs, names, (x, y, dy) => firstLargest(x!, y!, dy!, axes, attributes));
    }
    const views = shapes.map((shape) => viewOfBlocks(shape, onnx.channelBlock));
    const viewed = names.map((name, i) =>
      onnx.node('Reshape', [onnx.blocked(name, shapes[i]!), onnx.int64(views[i]!.shape)]),
    );
    const made = emitBody(
      onnx,
      views.map(({ shape }) => ({ shape, type: 'float32' })),
      viewed,
      (x, y, dy) => firstLargest(x!, y!, dy!, views[0]!.axes, attributes),
    );
    return onnx.fromBlocks(onnx.node('Reshape', [made, onnx.int64(imagesShape(result.shape))]), result.shape);
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
 * dy at the first largest elements of x, whose windows run along `axes`. Kernel offset by kernel offset, in row-major
 * order: the elements of all windows at that offset are a strided slice of x; where they equal the maximum, they take
 * what is left of dy. Elements are told apart by their remainder modulo the stride, so that the parts are added up as
 * smaller arrays and only put together at the end.
 *
 * Plain comparisons and copies, for every execution provider; on the CPU as fast as, or faster than, MaxPool with
 * positions and MaxUnpool or ScatterElements, because with positions MaxPool takes five to ten times as long.
 */
function firstLargest(
  x: Tensor,
  y: Tensor,
  dy: Tensor,
  axes: readonly number[],
  { kernel, stride, pads }: PoolAttributes,
): Tensor {
  const along = (sizes: readonly number[]) => {
    const all = x.shape.map(() => 0);
    for (const [i, axis] of axes.entries()) all[axis] = sizes[i]!;
    return all;
  };
  const counts = axes.map((axis) => y.shape[axis]!);
  // Windows see steps of a stride: their own, and so many more.
  const more = kernel.map((size, i) => Math.ceil(size / stride[i]!) - 1);
  const padded = counts.map((count, i) => (count + more[i]!) * stride[i]!);
  const begin = along(pads);
  const end = along(padded.map((size, i) => size - x.shape[axes[i]!]! - pads[i]!));
  const grid = { axes, stride, phases: kernel.map((size, i) => Math.min(size, stride[i]!)) };
  const phases = split(pad(x, begin, end, lowest), grid);

  const parts = new Map<string, Tensor>();
  let left = dy;
  for (const offset of indicesOf(kernel)) {
    const phase = offset.map((o, i) => o % stride[i]!);
    const steps = offset.map((o, i) => Math.floor(o / stride[i]!));
    let candidates = phases.get(phase.join())!;
    for (const [i, step] of steps.entries()) {
      candidates = slice(candidates, axes[i]!, step, step + counts[i]!);
    }
    const taken = where(equal(candidates, y), left, scalar(0));
    left = sub(left, taken);
    const shifted = pad(taken, along(steps), along(more.map((size, i) => size - steps[i]!)));
    const key = phase.join();
    const sum = parts.get(key);
    parts.set(key, sum === undefined ? shifted : add(sum, shifted));
  }
  return pad(
    interleave(parts, grid),
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

/** How positions along some axes are told apart: by the remainder modulo the stride, of which windows see some. */
interface Grid {
  readonly axes: readonly number[];
  readonly stride: readonly number[];
  /** How many remainders occur along each axis, from 0 on. */
  readonly phases: readonly number[];
}

/** x in parts by the remainders of the position; keys are the remainders along all axes, joined. */
function split(x: Tensor, { axes, stride, phases }: Grid): Map<string, Tensor> {
  let parts = new Map([['', x]]);
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i]!;
    const next = new Map<string, Tensor>();
    for (const [phase, part] of parts) {
      for (let first = 0; first < phases[i]!; first++) {
        const key = phase === '' ? `${first}` : `${first},${phase}`;
        next.set(key, everySo(part, axis, first, stride[i]!));
      }
    }
    parts = next;
  }
  return parts;
}

/**
 * Every `step`-th element along an axis, whose size is a multiple of it, from `first` on: a slice of an axis of its own, for
 * the engine cuts all of them at once then, on all cores.
 */
function everySo(x: Tensor, axis: number, first: number, step: number): Tensor {
  const count = x.shape[axis]! / step;
  const apart = reshape(x, x.shape.toSpliced(axis, 1, count, step));
  return reshape(slice(apart, axis + 1, first, first + 1), x.shape.with(axis, count));
}

/** Undoes `split`; with zeros where a remainder does not occur. */
function interleave(parts: ReadonlyMap<string, Tensor>, { axes, stride }: Grid): Tensor {
  let columns = parts;
  for (let i = axes.length - 1; i >= 0; i--) {
    const groups = new Map<string, Tensor[]>();
    for (const [phase, part] of columns) {
      const outer = phase.slice(0, Math.max(phase.lastIndexOf(','), 0));
      groups.set(outer, [...(groups.get(outer) ?? []), part]);
    }
    columns = new Map([...groups].map(([outer, group]) => [outer, weave(group, axes[i]!, stride[i]!)]));
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
