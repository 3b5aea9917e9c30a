import { type Shape, sameShape, sizeOf } from '../graph/shape.ts';
import type { OnnxAttribute, OnnxEmitter, Tensor } from '../graph/tensor.ts';
import { blockedShape, fitsBlocks, imagesShape } from './channel-blocks.ts';

/**
 * Writes an elementwise node. Where all operands of the result's own shape lie in blocks of channels already, and the
 * others are scalars or one number per channel, it works on the blocks: nothing is put in order and back.
 */
export function emitElementwise(
  onnx: OnnxEmitter,
  type: string,
  result: Tensor,
  operands: readonly Tensor[],
  names: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): string {
  const { shape } = result;
  const kinds = operands.map((operand) => kindOf(operand.shape, shape));
  const isReady = kinds.every((kind, i) => (kind === 'whole' ? onnx.isBlocked(names[i]!) : kind !== 'other'));
  if (
    !fitsBlocks(shape, onnx.channelBlock) ||
    result.type !== 'float32' ||
    !isReady ||
    !kinds.includes('whole')
  ) {
    return onnx.node(type, names, attributes);
  }
  const channels = shape[1]!;
  if (!kinds.includes('channels')) {
    return onnx.fromBlocks(
      onnx.node(
        type,
        names.map((name, i) => (kinds[i] === 'whole' ? onnx.blocked(name, shape) : name)),
        attributes,
      ),
      shape,
    );
  }
  const parts = names.map((name, i) => {
    if (kinds[i] === 'whole') return inBlockedShape(onnx, name, shape);
    if (kinds[i] === 'scalar') return name;
    return onnx.node('Reshape', [name, onnx.int64([channels / onnx.channelBlock, 1, onnx.channelBlock])]);
  });
  const made = onnx.node('Reshape', [onnx.node(type, parts, attributes), onnx.int64(imagesShape(shape))]);
  return onnx.fromBlocks(made, shape);
}

/** Writes nodes on values of one shape: in blocks of channels where all lie in them already, else in row-major order. */
export function inOneLayout(
  onnx: OnnxEmitter,
  shape: Shape,
  names: readonly string[],
  build: (names: readonly string[]) => string,
): string {
  if (!names.every(onnx.isBlocked)) return build(names);
  return onnx.fromBlocks(build(names.map((name) => onnx.blocked(name, shape))), shape);
}

/** A value in blocks as it lies in memory, [images, C / b, H W, b]: costs nothing. */
export function inBlockedShape(onnx: OnnxEmitter, name: string, shape: Shape): string {
  return onnx.node('Reshape', [
    onnx.blocked(name, shape),
    onnx.int64(blockedShape(shape, onnx.channelBlock)),
  ]);
}

function kindOf(operand: Shape, whole: Shape): 'whole' | 'scalar' | 'channels' | 'other' {
  if (sameShape(operand, whole)) return 'whole';
  if (sizeOf(operand) === 1) return 'scalar';
  const aligned = [...new Array<number>(whole.length - operand.length).fill(1), ...operand];
  return aligned.every((size, axis) => size === (axis === 1 ? whole[1] : 1)) ? 'channels' : 'other';
}
