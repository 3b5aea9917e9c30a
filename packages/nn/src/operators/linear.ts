import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, type Operator, type Tensor } from '../graph/tensor.ts';
import { transpose } from './layout.ts';
import { matmul } from './matmul.ts';
import { reduceSum } from './reduce.ts';

/** y = x W^T + b of [N, I] with W [O, I] and b [O]; dx = dy W, dW = dy^T x, db = sum dy. */
export const linearOperator: Operator<Record<string, never>> = {
  name: 'linear',
  infer: ([x, weight, bias]) => {
    const [n, inputs] = x!.shape;
    const [outputs, inner] = weight!.shape;
    const ranksFit = x!.shape.length === 2 && weight!.shape.length === 2;
    const biasFits = bias === undefined || (bias.shape.length === 1 && bias.shape[0] === outputs);
    if (!ranksFit || inner !== inputs || !biasFits) {
      throw new NetworkError(
        'shape-mismatch',
        `linear: ${formatShape(x!.shape)} with weights ${formatShape(weight!.shape)}${bias ? ` and bias ${formatShape(bias.shape)}` : ''} does not fit: expected [N, I], [O, I] and [O]`,
      );
    }
    return { shape: [n!, outputs!], type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [x, weight] = result.inputs as [Tensor, Tensor, Tensor?];
    return [
      needed[0] ? matmul(dy, weight) : undefined,
      needed[1] ? matmul(transpose(dy, [1, 0]), x) : undefined,
      needed[2] ? reduceSum(dy, [0]) : undefined,
    ];
  },
  emit: (_, inputs, onnx) => onnx.node('Gemm', inputs, { transB: { int: 1 } }),
  evaluate: (result, [x, weight, bias]) => {
    const [n, outputs] = result.shape as [number, number];
    const inputs = x!.shape[1]!;
    const values = new Float64Array(sizeOf(result.shape));
    for (let output = 0; output < outputs; output++) {
      const row = weight!.values.subarray(output * inputs, (output + 1) * inputs);
      for (let image = 0; image < n; image++) {
        let sum = bias?.values[output] ?? 0;
        const from = image * inputs;
        for (let i = 0; i < inputs; i++) sum += x!.values[from + i]! * row[i]!;
        values[image * outputs + output] = sum;
      }
    }
    return values;
  },
};

/** A linear layer on [N, I]: weights [O, I] as in PyTorch, bias [O]. Throws a `NetworkError` ('shape-mismatch'). */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return apply(linearOperator, bias === undefined ? [x, weight] : [x, weight, bias], {});
}
