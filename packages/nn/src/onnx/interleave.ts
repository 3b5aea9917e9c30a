import type { Shape } from '../graph/shape.ts';
import type { OnnxEmitter } from '../graph/tensor.ts';

/**
 * Parts of one shape as one value in which, along `axis`, the first elements of all parts come first, then the second
 * ones, and so on. As reshapes, which cost nothing, and one concatenation, at which ONNX Runtime is several times as
 * fast as at the transposition, expansion or resizing that would do the same. `axis` is not the first one.
 */
export function emitInterleaved(
  onnx: OnnxEmitter,
  parts: readonly string[],
  shape: Shape,
  axis: number,
): string {
  if (parts.length === 1) return parts[0]!;
  // In ONNX, 0 keeps a size.
  const sizes = onnx.openBatch ? shape.with(0, 0) : shape;
  const columns = parts.map((part) =>
    onnx.dynamic
      ? onnx.node('Unsqueeze', [part, onnx.int64([axis + 1])])
      : onnx.node('Reshape', [part, onnx.int64(sizes.toSpliced(axis + 1, 0, 1))]),
  );
  const woven = onnx.node('Concat', columns, { axis: { int: axis + 1 } });
  const factors = shape.map((_, at) => (at === axis ? parts.length : 1));
  const whole = onnx.dynamic
    ? onnx.node('Mul', [onnx.node('Shape', [parts[0]!]), onnx.int64(factors)])
    : onnx.int64(sizes.map((size, at) => size * factors[at]!));
  return onnx.node('Reshape', [woven, whole]);
}
