import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../graph/shape.ts';
import { apply, attributesOf, type Operator, type Tensor } from '../graph/tensor.ts';
import { forEachIndex } from '../reference/walk.ts';

export interface PadAttributes {
  /** Elements added before every axis; negative ones are cut off. */
  readonly begin: readonly number[];
  /** The same after every axis. */
  readonly end: readonly number[];
  readonly value: number;
}

const toTheEnd = 2 ** 31 - 1;

function atLeastZero(values: readonly number[]): number[] {
  return values.map((value) => Math.max(value, 0));
}

/** y = x with `value` around it, or cropped where a pad is negative; dx = dy without what was added. */
export const padOperator: Operator<PadAttributes> = {
  name: 'pad',
  infer: ([x], { begin, end }) => {
    const { shape, type } = x!;
    const crops = (pads: readonly number[], axis: number) => Math.min(pads[axis]!, 0);
    const isSound =
      begin.length === shape.length &&
      end.length === shape.length &&
      [...begin, ...end].every(Number.isInteger) &&
      shape.every((size, axis) => size + crops(begin, axis) + crops(end, axis) > 0);
    if (type !== 'float32' || !isSound) {
      throw new NetworkError(
        'shape-mismatch',
        `pad: ${type} ${formatShape(shape)} cannot get ${formatShape(begin)} before and ${formatShape(end)} after it: expected whole numbers, one per axis, that leave some of the float32 numbers`,
      );
    }
    return { shape: shape.map((size, axis) => size + begin[axis]! + end[axis]!), type };
  },
  gradient: (result, dy) => {
    const { begin, end } = attributesOf(padOperator, result);
    return [
      pad(
        dy,
        begin.map((size) => -size),
        end.map((size) => -size),
      ),
    ];
  },
  emit: (result, [x], onnx) => {
    const { begin, end, value } = attributesOf(padOperator, result);
    // Two nodes, because not every execution provider takes negative pads.
    const cropped = [...begin.keys()].filter((axis) => begin[axis]! < 0 || end[axis]! < 0);
    const kept =
      cropped.length === 0
        ? x!
        : onnx.node('Slice', [
            x!,
            onnx.int64(cropped.map((axis) => Math.max(-begin[axis]!, 0))),
            onnx.int64(cropped.map((axis) => (end[axis]! < 0 ? end[axis]! : toTheEnd))),
            onnx.int64(cropped),
          ]);
    const added = [...atLeastZero(begin), ...atLeastZero(end)];
    return added.every((size) => size === 0)
      ? kept
      : onnx.node('Pad', [kept, onnx.int64(added), onnx.float32(value)]);
  },
  evaluate: (result, [x]) => {
    const { begin, value } = attributesOf(padOperator, result);
    const values = new Float64Array(sizeOf(result.shape)).fill(value);
    const first = begin.map((size) => Math.max(-size, 0));
    const kept = overlap(x!.shape, result.shape, begin);
    const from = offsetOf(x!.shape, first);
    const to = offsetOf(
      result.shape,
      begin.map((size) => Math.max(size, 0)),
    );
    // Both arrays are walked with their own strides, run by run along the last axis.
    const run = kept.at(-1) ?? 1;
    const outer = kept.slice(0, -1);
    const source: number[] = [];
    forEachIndex(outer, stridesOf(x!.shape).slice(0, -1), (_, offset) => source.push(from + offset));
    forEachIndex(outer, stridesOf(result.shape).slice(0, -1), (i, offset) => {
      values.set(x!.values.subarray(source[i]!, source[i]! + run), to + offset);
    });
    return values;
  },
};

/** Sizes of what lies in both an array and the same array padded to `padded`. */
function overlap(shape: Shape, padded: Shape, begin: readonly number[]): number[] {
  return shape.map((size, axis) => {
    const first = Math.max(0, -begin[axis]!);
    return Math.max(0, Math.min(size, padded[axis]! - begin[axis]!) - first);
  });
}

function offsetOf(shape: Shape, index: readonly number[]): number {
  return stridesOf(shape).reduce((sum, stride, axis) => sum + stride * index[axis]!, 0);
}

/** x with `begin` and `end` elements of `value` (default 0) before and after every axis; negative ones crop. */
export function pad(x: Tensor, begin: readonly number[], end: readonly number[], value = 0): Tensor {
  if (begin.length === x.shape.length && [...begin, ...end].every((size) => size === 0)) return x;
  return apply(padOperator, [x], { begin, end, value });
}
