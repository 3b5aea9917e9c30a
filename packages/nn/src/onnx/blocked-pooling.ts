import type { Shape } from '../graph/shape.ts';
import type { OnnxEmitter } from '../graph/tensor.ts';
import { blockDomain, fitsBlocks, imagesShape } from './channel-blocks.ts';

/** What decides whether a pooling can work on blocks of channels. */
export interface Pooling {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pads: readonly number[];
}

/** Whether windows are 2 along every axis, side by side, and cover [N, C, ...S] exactly: the pooling of U-Nets and VGG. */
export function halves(shape: Shape, { kernel, stride, pads }: Pooling, block: number): boolean {
  return (
    fitsBlocks(shape, block) &&
    [...kernel, ...stride].every((size) => size === 2) &&
    pads.every((size) => size === 0) &&
    shape.slice(2).every((size) => size % 2 === 0)
  );
}

/**
 * [slices / 2, 2, blocks and rows / 2, 2, columns / 2, 2 b]: a value in blocks in which an element of every window is a plain
 * slice. Images have one slice and no depth to halve.
 */
function quartered(shape: Shape, block: number): number[] {
  const depth = shape.length === 5 ? 2 : 1;
  const [images, c, h, w] = imagesShape(shape) as [number, number, number, number];
  return depth === 2
    ? [images / 2, 2, ((c / block) * h) / 2, 2, w / 2, 2 * block]
    : [1, 1, (images * (c / block) * h) / 2, 2, w / 2, 2 * block];
}

/** Halves [N, C, ...S] in blocks by the largest of every window. */
export function emitHalving(onnx: OnnxEmitter, x: string, from: Shape, to: Shape): string {
  const sizes = { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } };
  const planes = onnx.node('MaxPool', [onnx.blocked(x, from)], sizes, blockDomain);
  if (from.length === 4) return onnx.fromBlocks(planes, to);
  const [images, ...plane] = imagesShape(to) as [number, ...number[]];
  const pairs = onnx.node('Reshape', [planes, onnx.int64([images, 2, ...plane])]);
  const [first, second] = [0, 1].map((at) => cut(onnx, pairs, [[1, at, at + 1]]));
  const largest = onnx.node('Max', [first!, second!]);
  return onnx.fromBlocks(onnx.node('Reshape', [largest, onnx.int64(imagesShape(to))]), to);
}

/**
 * The gradient of `emitHalving` from x, its result and dy: dy where an element is the largest of its window and the first
 * that is, in row-major order. Masks are many times as fast as the positions that the engine's MaxPool can report.
 */
export function emitHalvingGradient(
  onnx: OnnxEmitter,
  [x, y, dy]: readonly [string, string, string],
  from: Shape,
  to: Shape,
): string {
  const block = onnx.channelBlock;
  const parts = quartered(from, block);
  const [, depth] = parts as [number, number];
  const whole = onnx.node('Reshape', [onnx.blocked(x, from), onnx.int64(parts)]);
  const small = parts.with(1, 1).with(3, 1).with(5, block);
  const [largest, upstream] = [y, dy].map((name) =>
    onnx.node('Reshape', [onnx.blocked(name, to), onnx.int64(small)]),
  ) as [string, string];
  const zero = onnx.float32(0);
  let taken: string | undefined;
  const shares: string[] = [];
  for (let z = 0; z < depth; z++) {
    for (let row = 0; row < 2; row++) {
      for (let column = 0; column < 2; column++) {
        const element = cut(onnx, whole, [
          ...(depth === 2 ? ([[1, z, z + 1]] as const) : []),
          [3, row, row + 1],
          [5, column * block, (column + 1) * block],
        ]);
        const equal = onnx.node('Equal', [element, largest]);
        const isFirst = taken === undefined ? equal : onnx.node('And', [equal, onnx.node('Not', [taken])]);
        taken = taken === undefined ? equal : onnx.node('Or', [taken, equal]);
        shares.push(onnx.node('Where', [isFirst, upstream, zero]));
      }
    }
  }
  const joined = [5, 3, ...(depth === 2 ? [1] : [])].reduce((list, axis) => {
    const pairs = Array.from({ length: list.length / 2 }, (_, i) => list.slice(2 * i, 2 * i + 2));
    return pairs.map((pair) => onnx.node('Concat', pair, { axis: { int: axis } }));
  }, shares);
  return onnx.fromBlocks(onnx.node('Reshape', [joined[0]!, onnx.int64(imagesShape(from))]), from);
}

function cut(
  onnx: OnnxEmitter,
  name: string,
  ranges: readonly (readonly [axis: number, start: number, end: number])[],
): string {
  return onnx.node('Slice', [
    name,
    onnx.int64(ranges.map(([, start]) => start)),
    onnx.int64(ranges.map(([, , end]) => end)),
    onnx.int64(ranges.map(([axis]) => axis)),
  ]);
}
