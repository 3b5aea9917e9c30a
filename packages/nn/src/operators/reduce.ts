import { NetworkError } from '../errors/network-error.ts';
import { broadcastShapes, formatShape, type Shape, sameShape, sizeOf, stridesOf } from '../graph/shape.ts';
import {
  apply,
  attributesOf,
  type OnnxEmitter,
  type Operator,
  type ReferenceArray,
  type Tensor,
} from '../graph/tensor.ts';
import { inBlockedShape } from '../onnx/blocked-elementwise.ts';
import { forEachRun, stretched } from '../reference/walk.ts';
import { reshape } from './layout.ts';

/** Over which axes, and whether these stay with size 1. */
export interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** The shape that is left when axes are reduced. */
export function reducedShape(shape: Shape, { axes, keepDims }: ReduceAttributes): number[] {
  return keepDims
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/**
 * Shape rule of reductions. Throws a `NetworkError` ('shape-mismatch') for axes that the source does not
 * have.
 */
export function inferReduce(name: string, source: Tensor, attributes: ReduceAttributes) {
  if (source.type !== 'float32' || attributes.axes.some((axis) => axis < 0 || axis >= source.shape.length)) {
    throw new NetworkError(
      'shape-mismatch',
      `${name}: axes ${formatShape(attributes.axes)} of ${source.type} ${formatShape(source.shape)}`,
    );
  }
  return { shape: reducedShape(source.shape, attributes), type: 'float32' as const };
}

/** Folds every element of `source` into the cell of the reduced array that it belongs to. */
export function fold(
  source: ReferenceArray,
  attributes: ReduceAttributes,
  start: number,
  combine: (sum: number, value: number) => number,
): Float64Array {
  const kept = source.shape.map((size, axis) => (attributes.axes.includes(axis) ? 1 : size));
  const strides = stridesOf(kept).map((stride, axis) => (attributes.axes.includes(axis) ? 0 : stride));
  const result = new Float64Array(sizeOf(kept)).fill(start);
  const { values } = source;
  forEachRun(source.shape, strides, (from, to, length, stride) => {
    for (let i = 0; i < length; i++) {
      result[to + i * stride] = combine(result[to + i * stride]!, values[from + i]!);
    }
  });
  return result;
}

/** Whether images and pixels go, and channels stay. */
function isOverPixels({ shape }: Tensor, axes: readonly number[]): boolean {
  return axes.length === shape.length - 1 && !axes.includes(1);
}

/** Pixels first, images then: the engine is several times as fast at that as at both at once. */
function reduceBlocks(type: string, result: Tensor, source: string, onnx: OnnxEmitter): string {
  const { shape } = result.inputs[0]!;
  const drop = { keepdims: { int: 0 } };
  const pixels = onnx.node(type, [inBlockedShape(onnx, source, shape), onnx.int64([2])], drop);
  const images = onnx.node('ReduceSum', [pixels, onnx.int64([0])], drop);
  return onnx.node('Reshape', [images, onnx.int64(result.shape)]);
}

/** ONNX form of a reduction, also of values that lie in blocks of channels. */
export function emitReduce(type: string): Operator<ReduceAttributes>['emit'] {
  return (result, [source], onnx) => {
    const { axes, keepDims } = result.attributes as ReduceAttributes;
    if (onnx.isBlocked(source!) && isOverPixels(result.inputs[0]!, axes))
      return reduceBlocks(type, result, source!, onnx);
    return onnx.node(type, [source!, onnx.int64(axes)], { keepdims: { int: keepDims ? 1 : 0 } });
  };
}

/** y = sum of x over `axes`. dx = dy, stretched. */
export const reduceSumOperator: Operator<ReduceAttributes> = {
  name: 'reduceSum',
  infer: ([source], attributes) => inferReduce('reduceSum', source!, attributes),
  gradient: (result, upstream) => {
    const source = result.inputs[0]!;
    const kept = reducedShape(source.shape, { ...attributesOf(reduceSumOperator, result), keepDims: true });
    return [expand(reshape(upstream, kept), source.shape)];
  },
  emit: emitReduce('ReduceSum'),
  evaluate: (result, [source]) =>
    fold(source!, attributesOf(reduceSumOperator, result), 0, (sum, value) => sum + value),
};

/** Sum over `axes` (all of them when left out); the axes stay with size 1 when `keepDims`. */
export function reduceSum(
  source: Tensor,
  axes: readonly number[] = source.shape.map((_, axis) => axis),
  keepDims = false,
): Tensor {
  return axes.length === 0 ? source : apply(reduceSumOperator, [source], { axes, keepDims });
}

/** y = x stretched to `shape` by NumPy's rule. dx = sum of dy over the stretched axes. */
export const expandOperator: Operator<{ readonly shape: Shape }> = {
  name: 'expand',
  infer: ([source], { shape }) => {
    if (!sameShape(broadcastShapes(source!.shape, shape, 'expand'), shape)) {
      throw new NetworkError(
        'shape-mismatch',
        `expand: ${formatShape(source!.shape)} does not stretch to ${formatShape(shape)}`,
      );
    }
    return { shape, type: source!.type };
  },
  gradient: (result, upstream) => [sumToShape(upstream, result.inputs[0]!.shape)],
  emit: (result, [source], onnx) => onnx.node('Expand', [source!, onnx.int64(result.shape)]),
  evaluate: (result, [source]) => {
    return stretched(source!.values, source!.shape, result.shape);
  },
};

/**
 * The source stretched to `shape` by NumPy's rule: sizes of 1 are repeated. Throws a `NetworkError`
 * ('shape-mismatch').
 */
export function expand(source: Tensor, shape: Shape): Tensor {
  return sameShape(source.shape, shape) ? source : apply(expandOperator, [source], { shape });
}

/** Undoes broadcasting: sums `source` over the axes along which `shape` was stretched. */
export function sumToShape(source: Tensor, shape: Shape): Tensor {
  if (sameShape(source.shape, shape)) return source;
  const lead = source.shape.length - shape.length;
  const axes = source.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  return reshape(reduceSum(source, axes, true), shape);
}
