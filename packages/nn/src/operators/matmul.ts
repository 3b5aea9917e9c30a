import { NetworkError } from '../errors/network-error.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { apply, type Operator, type Tensor } from '../graph/tensor.ts';
import { broadcastStrides, forEachIndex } from '../reference/walk.ts';
import { transpose } from './layout.ts';
import { sumToShape } from './reduce.ts';

function lastTwoSwapped({ shape }: Tensor): number[] {
  const rank = shape.length;
  return [...shape.keys()].slice(0, -2).concat(rank - 1, rank - 2);
}

/** y = a b on the last two axes, the others broadcast; da = dy b^T, db = a^T dy. */
export const matmulOperator: Operator<Record<string, never>> = {
  name: 'matmul',
  infer: ([a, b]) => {
    const rows = a!.shape.at(-2);
    const columns = b!.shape.at(-1);
    if (rows === undefined || columns === undefined || a!.shape.at(-1) !== b!.shape.at(-2)) {
      throw new NetworkError(
        'shape-mismatch',
        `matmul: ${formatShape(a!.shape)} by ${formatShape(b!.shape)}: the inner sizes differ`,
      );
    }
    const batch = broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2), 'matmul');
    return { shape: [...batch, rows, columns], type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [a, b] = result.inputs as [Tensor, Tensor];
    return [
      needed[0] ? sumToShape(matmul(dy, transpose(b, lastTwoSwapped(b))), a.shape) : undefined,
      needed[1] ? sumToShape(matmul(transpose(a, lastTwoSwapped(a)), dy), b.shape) : undefined,
    ];
  },
  emit: (_, inputs, onnx) => onnx.node('MatMul', inputs),
  evaluate: (result, [a, b]) => {
    const values = new Float64Array(sizeOf(result.shape));
    const [rows, columns] = result.shape.slice(-2) as [number, number];
    const inner = a!.shape.at(-1)!;
    const batch = result.shape.slice(0, -2);
    const offsets = (shape: Shape): number[] => {
      const found: number[] = [];
      const step = sizeOf(shape.slice(-2));
      forEachIndex(batch, broadcastStrides(shape.slice(0, -2), batch), (_, from) => found.push(from * step));
      return found;
    };
    const fromA = offsets(a!.shape);
    const fromB = offsets(b!.shape);
    for (let i = 0; i < fromA.length; i++) {
      for (let r = 0; r < rows; r++) {
        const to = (i * rows + r) * columns;
        for (let k = 0; k < inner; k++) {
          const factor = a!.values[fromA[i]! + r * inner + k]!;
          const from = fromB[i]! + k * columns;
          for (let c = 0; c < columns; c++) values[to + c]! += factor * b!.values[from + c]!;
        }
      }
    }
    return values;
  },
};

/**
 * Product of matrices [..., M, K] and [..., K, N], over leading axes as NumPy's `matmul`. Throws a
 * `NetworkError` ('shape-mismatch').
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  return apply(matmulOperator, [a, b], {});
}
