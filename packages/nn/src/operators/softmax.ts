import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, type OnnxEmitter, type Operator, type Tensor } from '../graph/tensor.ts';
import { exp, mul, sub } from './elementwise.ts';
import { reduceSum } from './reduce.ts';

interface AxisAttributes {
  readonly axis: number;
}

function inferAlongAxis(name: string, x: Tensor, axis: number) {
  if (x.type !== 'float32' || axis < 0 || axis >= x.shape.length) {
    throw new NetworkError('shape-mismatch', `${name}: no axis ${axis} in ${x.type} ${formatShape(x.shape)}`);
  }
  return { shape: x.shape, type: 'float32' as const };
}

function logSoftmaxValues(x: { shape: readonly number[]; values: Float64Array }, axis: number): Float64Array {
  const inner = sizeOf(x.shape.slice(axis + 1));
  const classes = x.shape[axis]!;
  const values = new Float64Array(x.values.length);
  for (let block = 0; block < values.length; block += classes * inner) {
    for (let i = block; i < block + inner; i++) {
      let largest = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) largest = Math.max(largest, x.values[i + c * inner]!);
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += Math.exp(x.values[i + c * inner]! - largest);
      for (let c = 0; c < classes; c++) {
        values[i + c * inner] = x.values[i + c * inner]! - largest - Math.log(sum);
      }
    }
  }
  return values;
}

/**
 * x - max x, its exponentials and their sum. Written out, because ONNX Runtime's own Softmax transposes the image
 * twice for any axis but the last and takes five times as long.
 */
function emitExponentials(axis: number, x: string, onnx: OnnxEmitter) {
  const axes = onnx.int64([axis]);
  const shifted = onnx.node('Sub', [x, onnx.node('ReduceMax', [x, axes])]);
  const exponentials = onnx.node('Exp', [shifted]);
  return { shifted, exponentials, sum: onnx.node('ReduceSum', [exponentials, axes]) };
}

/** y = e^x / sum e^x along an axis; dx = y (dy - sum y dy). */
export const softmaxOperator: Operator<AxisAttributes> = {
  name: 'softmax',
  infer: ([x], { axis }) => inferAlongAxis('softmax', x!, axis),
  gradient: (y, dy) => {
    const { axis } = attributesOf(softmaxOperator, y);
    return [mul(y, sub(dy, reduceSum(mul(y, dy), [axis], true)))];
  },
  emit: (result, [x], onnx) => {
    const { exponentials, sum } = emitExponentials(attributesOf(softmaxOperator, result).axis, x!, onnx);
    return onnx.node('Div', [exponentials, sum]);
  },
  evaluate: (result, [x]) => logSoftmaxValues(x!, attributesOf(softmaxOperator, result).axis).map(Math.exp),
};

/** y = x - ln sum e^x along an axis; dx = dy - e^y sum dy. */
export const logSoftmaxOperator: Operator<AxisAttributes> = {
  name: 'logSoftmax',
  infer: ([x], { axis }) => inferAlongAxis('logSoftmax', x!, axis),
  gradient: (y, dy) => {
    const { axis } = attributesOf(logSoftmaxOperator, y);
    return [sub(dy, mul(exp(y), reduceSum(dy, [axis], true)))];
  },
  emit: (result, [x], onnx) => {
    const { shifted, sum } = emitExponentials(attributesOf(logSoftmaxOperator, result).axis, x!, onnx);
    return onnx.node('Sub', [shifted, onnx.node('Log', [sum])]);
  },
  evaluate: (result, [x]) => logSoftmaxValues(x!, attributesOf(logSoftmaxOperator, result).axis),
};

/** exp x / sum exp x along an axis, without overflow. */
export function softmax(x: Tensor, axis: number): Tensor {
  return apply(softmaxOperator, [x], { axis });
}

/** The logarithm of `softmax`, without overflow. */
export function logSoftmax(x: Tensor, axis: number): Tensor {
  return apply(logSoftmaxOperator, [x], { axis });
}
