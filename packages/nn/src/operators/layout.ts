import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sameShape, sizeOf, stridesOf } from '../graph/shape.ts';
import { apply, attributesOf, type Operator, type Tensor } from '../graph/tensor.ts';
import { blockDomain, fitsBlocks } from '../onnx/channel-blocks.ts';
import { gather } from '../reference/walk.ts';
import { pad } from './pad.ts';

/** y = x with other sizes in the same row-major order. dx = dy, reshaped back. */
export const reshapeOperator: Operator<{ readonly shape: Shape }> = {
  name: 'reshape',
  infer: ([source], { shape }) => {
    if (sizeOf(source!.shape) !== sizeOf(shape)) {
      throw new NetworkError(
        'shape-mismatch',
        `reshape: ${formatShape(source!.shape)} does not hold as many elements as ${formatShape(shape)}`,
      );
    }
    return { shape, type: source!.type };
  },
  gradient: (result, upstream) => [reshape(upstream, result.inputs[0]!.shape)],
  emit: (result, [source], onnx) => {
    const { shape } = result;
    const keepsFirst = shape[0] === result.inputs[0]!.shape[0];
    if (onnx.dynamic && !(keepsFirst && shape.length === 2)) {
      throw new NetworkError('unsupported', 'reshape: fixed sizes in a model of open image size');
    }
    const from = result.inputs[0]!.shape;
    if (onnx.isBlocked(source!) && keepsBlocks(from, shape, onnx.channelBlock)) {
      return onnx.fromBlocks(onnx.node('Reshape', [onnx.blocked(source!, from), onnx.int64(shape)]), shape);
    }
    // In ONNX, 0 keeps a size, and -1 is what remains.
    const open = onnx.dynamic ? [0, -1] : [0, ...shape.slice(1)];
    const sizes = keepsFirst && (onnx.dynamic || onnx.openBatch) ? open : shape;
    return onnx.node('Reshape', [source!, onnx.int64(sizes)]);
  },
  evaluate: (_, [source]) => source!.values,
};

/** Whether only images and channels of [N, C, H, W] are counted anew, in whole blocks, which then stay where they are. */
function keepsBlocks(from: Shape, to: Shape, block: number): boolean {
  const areImages = from.length === 4 && to.length === 4;
  return (
    areImages && fitsBlocks(from, block) && fitsBlocks(to, block) && sameShape(from.slice(2), to.slice(2))
  );
}

/**
 * The same elements in row-major order under another shape of the same size. Throws a `NetworkError`
 * ('shape-mismatch').
 */
export function reshape(source: Tensor, shape: Shape): Tensor {
  return sameShape(source.shape, shape) ? source : apply(reshapeOperator, [source], { shape });
}

/** y = x [N, ...] as [N, the rest]; of any N. dx = dy, reshaped back. */
export const flattenOperator: Operator<Record<string, never>> = {
  name: 'flatten',
  infer: ([source]) => {
    const { shape, type } = source!;
    if (shape.length < 2) {
      throw new NetworkError('shape-mismatch', `flatten: expected [N, ...], found ${formatShape(shape)}`);
    }
    return { shape: [shape[0]!, sizeOf(shape.slice(1))], type };
  },
  gradient: (result, upstream) => [reshape(upstream, result.inputs[0]!.shape)],
  emit: (_, [source], onnx) => onnx.node('Flatten', [source!]),
  evaluate: (_, [source]) => source!.values,
};

/** [N, ...S] as [N, product of S], in models of an open number of images, too. */
export function flatten(source: Tensor): Tensor {
  return source.shape.length === 2 ? source : apply(flattenOperator, [source], {});
}

/** y[i_perm[0], i_perm[1], …] = x[i_0, i_1, …]. dx = dy, permuted back. */
export const transposeOperator: Operator<{ readonly perm: readonly number[] }> = {
  name: 'transpose',
  infer: ([source], { perm }) => {
    const { shape, type } = source!;
    if (
      !sameShape(
        perm.toSorted((a, b) => a - b),
        shape.map((_, axis) => axis),
      )
    ) {
      throw new NetworkError(
        'shape-mismatch',
        `transpose: ${formatShape(perm)} is no permutation of the axes of ${formatShape(shape)}`,
      );
    }
    return { shape: perm.map((axis) => shape[axis]!), type };
  },
  gradient: (result, upstream) => {
    const { perm } = attributesOf(transposeOperator, result);
    return [
      transpose(
        upstream,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
    ];
  },
  emit: (result, [source], onnx) => {
    const { perm } = attributesOf(transposeOperator, result);
    const { shape } = result.inputs[0]!;
    if (onnx.isBlocked(source!) && isChannelsLast(perm)) {
      const channels = { channels: { int: shape[1]! }, channels_last: { int: 1 } };
      const images = onnx.node('ReorderOutput', [onnx.blocked(source!, shape)], channels, blockDomain);
      return shape.length === 4 ? images : onnx.node('Reshape', [images, onnx.int64(result.shape)]);
    }
    if (onnx.isBlocked(source!) && sameShape(perm, [0, 2, 1, 3, 4])) {
      // Slices lie in that order already.
      const channels = { channels: { int: shape[1]! } };
      const images = onnx.node('ReorderOutput', [onnx.blocked(source!, shape)], channels, blockDomain);
      return onnx.node('Reshape', [images, onnx.int64(result.shape)]);
    }
    if (!isChannelsFirst(perm) || onnx.dynamic || onnx.openBatch) {
      return onnx.node('Transpose', [source!], { perm: { ints: perm } });
    }
    const reshaped = (value: string, from: Shape, to: Shape): string =>
      sameShape(from, to) ? value : onnx.node('Reshape', [value, onnx.int64(to)]);
    const [a, c] = [shape[0]!, shape.at(-1)!];
    const between = shape.slice(1, -1);
    if (c % onnx.channelBlock === 0 && onnx.channelBlock > 1 && sizeOf(shape) >= manyNumbers) {
      // As an image with channels last, into blocks and out again: on all cores, which Transpose does not manage.
      const [h, w] = between.length === 2 ? between : [sizeOf(between), 1];
      const image = reshaped(source!, shape, [a, h!, w!, c]);
      const blocks = onnx.node('ReorderInput', [image], { channels_last: { int: 1 } }, blockDomain);
      const plain = onnx.node('ReorderOutput', [blocks], { channels: { int: c } }, blockDomain);
      return reshaped(plain, [a, c, h!, w!], result.shape);
    }
    // As matrices: with more axes the engine takes three times as long on several cores.
    const [rows, turned] = [
      [a, sizeOf(between), c],
      [a, c, sizeOf(between)],
    ];
    const matrices = reshaped(source!, shape, rows!);
    const made = onnx.node('Transpose', [matrices], { perm: { ints: [0, 2, 1] } });
    return reshaped(made, turned!, result.shape);
  },
  evaluate: (result, [source]) => {
    const { perm } = attributesOf(transposeOperator, result);
    const strides = stridesOf(source!.shape);
    return gather(
      source!.values,
      result.shape,
      perm.map((axis) => strides[axis]!),
    );
  },
};

/** From so many numbers on, two orderings take less time than one transposition. */
const manyNumbers = 2 ** 19;

/** [N, ...S, C] to [N, C, ...S]. */
function isChannelsFirst(perm: readonly number[]): boolean {
  const last = perm.length - 1;
  return last > 1 && perm.every((from, to) => from === (to === 0 ? 0 : to === 1 ? last : to - 1));
}

/** [N, C, ...S] to [N, ...S, C]. */
function isChannelsLast(perm: readonly number[]): boolean {
  const last = perm.length - 1;
  return last > 1 && perm.every((from, to) => from === (to === 0 ? 0 : to === last ? 1 : to + 1));
}

/** Axis `i` of the result is axis `perm[i]` of the source. Throws a `NetworkError` ('shape-mismatch'). */
export function transpose(source: Tensor, perm: readonly number[]): Tensor {
  return apply(transposeOperator, [source], { perm });
}

interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** y = x[start..end) along one axis, every `step`th element. dx = dy between zeros. */
export const sliceOperator: Operator<SliceAttributes> = {
  name: 'slice',
  infer: ([source], { axis, start, end, step }) => {
    const { shape, type } = source!;
    if (!(start >= 0 && start < end && end <= (shape[axis] ?? -1) && Number.isInteger(step) && step > 0)) {
      throw new NetworkError(
        'shape-mismatch',
        `slice: ${start} to ${end} in steps of ${step} lies outside axis ${axis} of ${formatShape(shape)}`,
      );
    }
    return { shape: shape.with(axis, Math.ceil((end - start) / step)), type };
  },
  gradient: (result, upstream) => {
    const { axis, start, step } = attributesOf(sliceOperator, result);
    const { shape } = result.inputs[0]!;
    const spread = spreadOut(upstream, axis, step);
    const none = shape.map(() => 0);
    return [pad(spread, none.with(axis, start), none.with(axis, shape[axis]! - start - spread.shape[axis]!))];
  },
  emit: (result, [source], onnx) => {
    const { axis, start, end, step } = attributesOf(sliceOperator, result);
    const whole = [start, end].every((at) => at % onnx.channelBlock === 0);
    if (onnx.isBlocked(source!) && axis === 1 && step === 1 && whole) {
      const range = [start, end, axis].map((value) => onnx.int64([value]));
      return onnx.fromBlocks(
        onnx.node('Slice', [onnx.blocked(source!, result.inputs[0]!.shape), ...range]),
        result.shape,
      );
    }
    // Where sizes are open, what reaches to the end of this image does so in every other one.
    const toTheEnd = onnx.dynamic && end === result.inputs[0]!.shape[axis];
    return onnx.node('Slice', [
      source!,
      onnx.int64([start]),
      onnx.int64([toTheEnd ? 2 ** 31 - 1 : end]),
      onnx.int64([axis]),
      ...(step === 1 ? [] : [onnx.int64([step])]),
    ]);
  },
  evaluate: (result, [source]) => {
    const { axis, start, step } = attributesOf(sliceOperator, result);
    const values = new Float64Array(sizeOf(result.shape));
    const count = result.shape[axis]!;
    const from = source!.values;
    copyBlocks(result.shape, axis, (outer, length) => {
      const inner = length / count;
      const first = (outer * source!.shape[axis]! + start) * inner;
      if (step === 1) values.set(from.subarray(first, first + length), outer * length);
      else {
        for (let i = 0; i < count; i++) {
          const [block, to] = [first + i * step * inner, outer * length + i * inner];
          for (let k = 0; k < inner; k++) values[to + k] = from[block + k]!;
        }
      }
    });
    return values;
  },
};

/** y = x, back to front along the axes; dx = dy, back to front. */
export const reverseOperator: Operator<{ readonly axes: readonly number[] }> = {
  name: 'reverse',
  infer: ([source], { axes }) => {
    const { shape, type } = source!;
    if (axes.some((axis) => !(axis in shape))) {
      throw new NetworkError(
        'shape-mismatch',
        `reverse: ${formatShape(shape)} has no axes ${axes.join(', ')}`,
      );
    }
    return { shape, type };
  },
  gradient: (result, upstream) => [reverse(upstream, attributesOf(reverseOperator, result).axes)],
  emit: (result, [source], onnx) => {
    const { axes } = attributesOf(reverseOperator, result);
    const [back, end] = [-1, -(2 ** 31)].map((value) => onnx.int64(axes.map(() => value)));
    return onnx.node('Slice', [source!, back!, end!, onnx.int64(axes), back!]);
  },
  evaluate: (result, [source]) => {
    const { axes } = attributesOf(reverseOperator, result);
    const strides = stridesOf(result.shape);
    const last = axes.reduce((sum, axis) => sum + (result.shape[axis]! - 1) * strides[axis]!, 0);
    const signed = strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
    return gather(source!.values, result.shape, signed, last);
  },
};

/** x, back to front along some axes. */
export function reverse(source: Tensor, axes: readonly number[]): Tensor {
  return apply(reverseOperator, [source], { axes });
}

/** The elements start, start + step, ... before `end` along one axis. */
export function slice(source: Tensor, axis: number, start: number, end: number, step = 1): Tensor {
  if (start === 0 && end === source.shape[axis] && step === 1) return source;
  return apply(sliceOperator, [source], { axis, start, end, step });
}

/** x with step - 1 zeros after every element along an axis. */
export function spreadOut(x: Tensor, axis: number, step: number): Tensor {
  if (step === 1) return x;
  const { shape } = x;
  const apart = reshape(x, shape.toSpliced(axis + 1, 0, 1));
  const none = apart.shape.map(() => 0);
  return reshape(pad(apart, none, none.with(axis + 1, step - 1)), shape.with(axis, shape[axis]! * step));
}

/** Calls `copy` for every index of the axes before `axis`, with the length of what follows it. */
function copyBlocks(shape: Shape, axis: number, copy: (outer: number, length: number) => void): void {
  const length = sizeOf(shape.slice(axis));
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) copy(outer, length);
}

/** y = the inputs one after the other along `axis`. dx = the input's part of dy. */
export const concatOperator: Operator<{ readonly axis: number }> = {
  name: 'concat',
  infer: (inputs, { axis }) => {
    const first = inputs[0]!;
    for (const { shape, type } of inputs) {
      if (
        type !== first.type ||
        axis >= shape.length ||
        !sameShape(shape.toSpliced(axis, 1), first.shape.toSpliced(axis, 1))
      ) {
        throw new NetworkError(
          'shape-mismatch',
          `concat: shapes ${inputs.map((t) => formatShape(t.shape)).join(', ')} differ beside axis ${axis}`,
        );
      }
    }
    return {
      shape: first.shape.with(
        axis,
        inputs.reduce((sum, { shape }) => sum + shape[axis]!, 0),
      ),
      type: first.type,
    };
  },
  gradient: (result, upstream, needed) => {
    const { axis } = attributesOf(concatOperator, result);
    let start = 0;
    return result.inputs.map(({ shape }, index) => {
      const from = start;
      start += shape[axis]!;
      return needed[index] ? slice(upstream, axis, from, start) : undefined;
    });
  },
  emit: (result, inputs, onnx) => {
    const { axis } = attributesOf(concatOperator, result);
    // Whole blocks of channels follow each other in memory as channels do.
    const fit = result.inputs.every(({ shape }) => fitsBlocks(shape, onnx.channelBlock));
    const inBlocks = axis === 1 && fit && inputs.some(onnx.isBlocked);
    const names = inBlocks ? inputs.map((name, i) => onnx.blocked(name, result.inputs[i]!.shape)) : inputs;
    const made = onnx.node('Concat', names, { axis: { int: axis } });
    return inBlocks ? onnx.fromBlocks(made, result.shape) : made;
  },
  evaluate: (result, inputs) => {
    const { axis } = attributesOf(concatOperator, result);
    const values = new Float64Array(sizeOf(result.shape));
    const whole = sizeOf(result.shape.slice(axis));
    let start = 0;
    for (const source of inputs) {
      copyBlocks(source.shape, axis, (outer, length) => {
        values.set(source.values.subarray(outer * length, (outer + 1) * length), outer * whole + start);
      });
      start += sizeOf(source.shape.slice(axis));
    }
    return values;
  },
};

/**
 * The inputs one after the other along `axis`; all other sizes must be equal. Throws a `NetworkError`
 * ('shape-mismatch').
 */
export function concat(inputs: readonly Tensor[], axis: number): Tensor {
  return inputs.length === 1 ? inputs[0]! : apply(concatOperator, inputs, { axis });
}

/** The four sizes of an image batch, or a shape error that names the operator. */
export function imageShape(operator: string, { shape }: Tensor): [number, number, number, number] {
  const [n, c, h, w] = shape;
  if (n === undefined || c === undefined || h === undefined || w === undefined || shape.length !== 4) {
    throw new NetworkError(
      'shape-mismatch',
      `${operator}: expected [N, C, H, W], found ${formatShape(shape)}`,
    );
  }
  return [n, c, h, w];
}
