import { NetworkError } from '../errors/network-error.ts';
import { broadcastShapes, type ElementType, formatShape, sizeOf } from '../graph/shape.ts';
import { apply, attributesOf, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { emitElementwise } from '../onnx/blocked-elementwise.ts';
import { broadcastStrides, forEachIndex } from '../reference/walk.ts';
import { sumToShape } from './reduce.ts';

type None = Record<string, never>;

interface Pointwise {
  readonly name: string;
  readonly onnx: string;
  readonly operand?: ElementType;
  readonly result?: ElementType;
  readonly value: (...x: number[]) => number;
  readonly gradient?: (upstream: Tensor, inputs: readonly Tensor[], result: Tensor) => (() => Tensor)[];
}

/** An operator on corresponding elements of its inputs, which are stretched by NumPy's rule. */
function pointwise(definition: Pointwise): Operator<None> {
  const { name, operand = 'float32', gradient } = definition;
  return {
    name,
    elementwise: true,
    infer: (inputs) => {
      if (inputs.some(({ type }) => type !== operand)) {
        throw new NetworkError(
          'type-mismatch',
          `${name}: expected ${operand}, found ${inputs.map(({ type, shape }) => `${type} ${formatShape(shape)}`).join(', ')}`,
        );
      }
      const shape = inputs.map((t) => t.shape).reduce((a, b) => broadcastShapes(a, b, name));
      return { shape, type: definition.result ?? operand };
    },
    ...(gradient && {
      gradient: (result, upstream, needed) =>
        gradient(upstream, result.inputs, result).map((build, index) =>
          needed[index] ? sumToShape(build(), result.inputs[index]!.shape) : undefined,
        ),
    }),
    emit: (result, names, onnx) => emitElementwise(onnx, definition.onnx, result, result.inputs, names),
    evaluate: (result, inputs) => {
      const operands = inputs.map(({ shape, values }) => {
        const read = new Float64Array(sizeOf(result.shape));
        forEachIndex(result.shape, broadcastStrides(shape, result.shape), (to, from) => {
          read[to] = values[from]!;
        });
        return read;
      });
      return Float64Array.from({ length: sizeOf(result.shape) }, (_, i) =>
        definition.value(...operands.map((read) => read[i]!)),
      );
    },
  };
}

/** y = a + b */
export const addOperator = pointwise({
  name: 'add',
  onnx: 'Add',
  value: (a, b) => a! + b!,
  gradient: (dy) => [() => dy, () => dy],
});

/** y = a - b */
export const subOperator = pointwise({
  name: 'sub',
  onnx: 'Sub',
  value: (a, b) => a! - b!,
  gradient: (dy) => [() => dy, () => neg(dy)],
});

/** y = a b; da = b dy, db = a dy */
export const mulOperator = pointwise({
  name: 'mul',
  onnx: 'Mul',
  value: (a, b) => a! * b!,
  gradient: (dy, [a, b]) => [() => mul(dy, b!), () => mul(dy, a!)],
});

/** y = a / b; da = dy / b, db = -y dy / b */
export const divOperator = pointwise({
  name: 'div',
  onnx: 'Div',
  value: (a, b) => a! / b!,
  gradient: (dy, [, b], y) => [() => div(dy, b!), () => neg(div(mul(dy, y), b!))],
});

/** y = -x */
export const negOperator = pointwise({
  name: 'neg',
  onnx: 'Neg',
  value: (x) => -x!,
  gradient: (dy) => [() => neg(dy)],
});

/** y = sqrt(x); dx = dy / (2 y) */
export const sqrtOperator = pointwise({
  name: 'sqrt',
  onnx: 'Sqrt',
  value: (x) => Math.sqrt(x!),
  gradient: (dy, _, y) => [() => div(dy, mul(y, scalar(2)))],
});

/** y = e^x; dx = y dy */
export const expOperator = pointwise({
  name: 'exp',
  onnx: 'Exp',
  value: (x) => Math.exp(x!),
  gradient: (dy, _, y) => [() => mul(dy, y)],
});

/** y = ln x; dx = dy / x */
export const logOperator = pointwise({
  name: 'log',
  onnx: 'Log',
  value: (x) => Math.log(x!),
  gradient: (dy, [x]) => [() => div(dy, x!)],
});

const reluPointwise = pointwise({
  name: 'relu',
  onnx: 'Relu',
  value: (x) => Math.max(x!, 0),
  gradient: (dy, _, y) => [() => apply(reluGradientOperator, [y, dy], {})],
});

/** y = max(x, 0); dx = dy where y > 0, else 0 (0 at the kink, as PyTorch) */
export const reluOperator: Operator<None> = {
  ...reluPointwise,
  emit: (result, names, onnx) => {
    // A convolution in blocks of channels does it on the way.
    const convolution = onnx.fusable(names[0]!, result.inputs[0]!);
    if (convolution === undefined) return reluPointwise.emit(result, names, onnx);
    convolution.activation = { string: 'Relu' };
    return names[0]!;
  },
};

/** The gradient of `relu` from its result and dy. */
const reluGradientOperator: Operator<None> = {
  ...pointwise({ name: 'reluGradient', onnx: '', value: (y, dy) => (y! > 0 ? dy! : 0) }),
  emit: (result, [y, dy], onnx) => {
    const inBlocks = onnx.isBlocked(y!) && onnx.isBlocked(dy!);
    const [value, upstream] = inBlocks
      ? [onnx.blocked(y!, result.shape), onnx.blocked(dy!, result.shape)]
      : [y!, dy!];
    const zero = onnx.float32(0);
    const made = onnx.node('Where', [onnx.node('Greater', [value, zero]), upstream, zero]);
    return inBlocks ? onnx.fromBlocks(made, result.shape) : made;
  },
};

/** y = 1 where a > b, else 0 (bool) */
export const greaterOperator = pointwise({
  name: 'greater',
  onnx: 'Greater',
  result: 'bool',
  value: (a, b) => (a! > b! ? 1 : 0),
});

/** y = 1 where a = b, else 0 (bool); for whole numbers held as float32 */
export const equalOperator = pointwise({
  name: 'equal',
  onnx: 'Equal',
  result: 'bool',
  value: (a, b) => (a === b ? 1 : 0),
});

/** y = a where the condition holds, else b */
export const whereOperator: Operator<None> = {
  name: 'where',
  infer: ([condition, a, b]) => {
    if (condition!.type !== 'bool' || a!.type !== 'float32' || b!.type !== 'float32') {
      throw new NetworkError(
        'type-mismatch',
        `where: expected bool, float32, float32, found ${[condition, a, b].map((t) => t!.type).join(', ')}`,
      );
    }
    const values = broadcastShapes(a!.shape, b!.shape, 'where');
    return { shape: broadcastShapes(condition!.shape, values, 'where'), type: 'float32' };
  },
  gradient: (result, dy, needed) => {
    const [condition, a, b] = result.inputs;
    const zero = scalar(0);
    return [
      undefined,
      needed[1] ? sumToShape(where(condition!, dy, zero), a!.shape) : undefined,
      needed[2] ? sumToShape(where(condition!, zero, dy), b!.shape) : undefined,
    ];
  },
  emit: (_, inputs, onnx) => onnx.node('Where', inputs),
  evaluate: (result, inputs) => {
    const values = new Float64Array(sizeOf(result.shape));
    for (const [index, wanted] of [1, 0].entries()) {
      const strides = inputs.map(({ shape }) => broadcastStrides(shape, result.shape));
      const chosen = new Float64Array(values.length);
      forEachIndex(result.shape, strides[0]!, (to, from) => {
        chosen[to] = inputs[0]!.values[from]!;
      });
      forEachIndex(result.shape, strides[index + 1]!, (to, from) => {
        if (chosen[to] === wanted) values[to] = inputs[index + 1]!.values[from]!;
      });
    }
    return values;
  },
};

/** y = x as another element type; no gradient */
export const castOperator: Operator<{ readonly type: ElementType }> = {
  name: 'cast',
  infer: ([source], { type }) => ({ shape: source!.shape, type }),
  emit: (result, [source], onnx) =>
    onnx.node('Cast', [source!], { to: { int: onnxTypes[attributesOf(castOperator, result).type] } }),
  evaluate: (_, [source]) => source!.values,
};

/** Numbers of element types in ONNX (TensorProto.DataType). */
export const onnxTypes: Readonly<Record<ElementType, number>> = { float32: 1, uint8: 2, int64: 7, bool: 9 };

const unary = (operator: Operator<None>) => (x: Tensor) => apply(operator, [x], {});
const binary = (operator: Operator<None>) => (a: Tensor, b: Tensor) => apply(operator, [a, b], {});

export const add = binary(addOperator);
export const sub = binary(subOperator);
export const mul = binary(mulOperator);
export const div = binary(divOperator);
export const greater = binary(greaterOperator);
export const equal = binary(equalOperator);
export const neg = unary(negOperator);
export const sqrt = unary(sqrtOperator);
export const exp = unary(expOperator);
export const log = unary(logOperator);
export const relu = unary(reluOperator);

export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return apply(whereOperator, [condition, a, b], {});
}

export function cast(source: Tensor, type: ElementType): Tensor {
  return source.type === type ? source : apply(castOperator, [source], { type });
}
