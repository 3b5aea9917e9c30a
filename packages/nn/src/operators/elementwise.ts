import { NetworkError } from '../errors/network-error.ts';
import { broadcastShapes, type ElementType } from '../graph/shape.ts';
import {
  apply,
  attributesOf,
  type OnnxEmitter,
  type Operator,
  scalar,
  type Tensor,
} from '../graph/tensor.ts';
import { inOneLayout } from '../onnx/blocked-elementwise.ts';
import { stretched } from '../reference/walk.ts';
import { type None, pointwise } from './pointwise.ts';
import { sumToShape } from './reduce.ts';

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
  emit: (result, names, onnx) =>
    inOneLayout(onnx, result.shape, names, ([y, dy]) => {
      // A step from 0 to 1: the engine is twice as fast at that as at a comparison and a choice.
      const step = onnx.node('HardSigmoid', [y!], { alpha: { float: steepness }, beta: { float: 0 } });
      return onnx.node('Mul', [dy!, step]);
    }),
};

/** Numbers above 1 / steepness count as positive. */
const steepness = 1e30;

/**
 * 1 where x > 0, `low` where x < 0, and at 0 the number between these that is nearest to 0: as a product held between the
 * two, which is faster than a comparison and a choice.
 */
export function emitStep(onnx: OnnxEmitter, x: string, low: number): string {
  const steep = onnx.node('Mul', [x, onnx.float32(steepness)]);
  return onnx.node('Clip', [steep, onnx.float32(low), onnx.float32(1)]);
}

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

/** y = 1 where a >= b, else 0 (bool) */
export const greaterOrEqualOperator = pointwise({
  name: 'greaterOrEqual',
  onnx: 'GreaterOrEqual',
  result: 'bool',
  value: (a, b) => (a! >= b! ? 1 : 0),
});

/** y = a and b (bool) */
export const andOperator = pointwise({
  name: 'and',
  onnx: 'And',
  operand: 'bool',
  value: (a, b) => a! * b!,
});

/** y = a or b (bool) */
export const orOperator = pointwise({
  name: 'or',
  onnx: 'Or',
  operand: 'bool',
  value: (a, b) => Math.max(a!, b!),
});

/** y = not x (bool) */
export const notOperator = pointwise({ name: 'not', onnx: 'Not', operand: 'bool', value: (x) => 1 - x! });

/** y = |x|; dx = sign(x) dy, 0 at 0 */
export const absOperator = pointwise({
  name: 'abs',
  onnx: 'Abs',
  value: (x) => Math.abs(x!),
  gradient: (dy, [x]) => [() => mul(dy, apply(signOperator, [x!], {}))],
});

/** y = -1, 0 or 1; dx = 0, also where it jumps. Not ONNX's Sign, which is slow on the CPU and missing on WebGPU. */
export const signOperator: Operator<None> = {
  ...pointwise({ name: 'sign', onnx: '', value: (x) => Math.sign(x!) }),
  gradient: () => [undefined],
  emit: (result, names, onnx) => inOneLayout(onnx, result.shape, names, ([x]) => emitStep(onnx, x!, -1)),
};

/** y = a^b for a > 0, or whole b; da = b a^(b - 1) dy, db = y ln a dy */
export const powOperator = pointwise({
  name: 'pow',
  onnx: 'Pow',
  value: (a, b) => a! ** b!,
  gradient: (dy, [a, b], y) => [
    () => mul(dy, mul(b!, apply(powOperator, [a!, sub(b!, scalar(1))], {}))),
    () => mul(dy, mul(y, log(a!))),
  ],
});

/** y = the larger of a and b; dy goes to it, in halves where they are equal (as PyTorch) */
export const maximumOperator = pointwise({
  name: 'maximum',
  onnx: 'Max',
  value: (a, b) => Math.max(a!, b!),
  gradient: (dy, [a, b]) => shared(dy, a!, b!),
});

/** y = the smaller of a and b; dy goes to it, in halves where they are equal (as PyTorch) */
export const minimumOperator = pointwise({
  name: 'minimum',
  onnx: 'Min',
  value: (a, b) => Math.min(a!, b!),
  gradient: (dy, [a, b]) => shared(dy, b!, a!),
});

/** dy for the first operand where `high` > `low`, for the second one where it is less. */
function shared(dy: Tensor, high: Tensor, low: Tensor): (() => Tensor)[] {
  const share = () => {
    const tie = where(equal(high, low), scalar(0.5), scalar(0));
    return where(greater(high, low), scalar(1), tie);
  };
  return [() => mul(dy, share()), () => mul(dy, sub(scalar(1), share()))];
}

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
    const [condition, a, b] = inputs.map(({ shape, values }) => stretched(values, shape, result.shape));
    return condition!.map((holds, i) => (holds === 1 ? a![i]! : b![i]!));
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
export const greaterOrEqual = binary(greaterOrEqualOperator);
export const equal = binary(equalOperator);
export const and = binary(andOperator);
export const or = binary(orOperator);
export const not = unary(notOperator);
export const maximum = binary(maximumOperator);
export const minimum = binary(minimumOperator);
export const abs = unary(absOperator);
export const sign = unary(signOperator);
export const neg = unary(negOperator);
export const sqrt = unary(sqrtOperator);
export const exp = unary(expOperator);
export const log = unary(logOperator);
export const relu = unary(reluOperator);

/** y = 1 where a < b, else 0 (bool) */
export function less(a: Tensor, b: Tensor): Tensor {
  return greater(b, a);
}

/** x^exponent; for x > 0 unless the exponent is a whole number. */
export function pow(x: Tensor, exponent: number): Tensor {
  if (exponent === 1) return x;
  if (exponent === 2) return mul(x, x);
  return exponent === 0.5 ? sqrt(x) : apply(powOperator, [x, scalar(exponent)], {});
}

/**
 * `a` where the condition (bool) is true, else `b`; shapes broadcast. The derivative flows to the one that
 * was taken.
 */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return apply(whereOperator, [condition, a, b], {});
}

/** The same numbers in another type, not differentiable; a value that has the type comes back as it is. */
export function cast(source: Tensor, type: ElementType): Tensor {
  return source.type === type ? source : apply(castOperator, [source], { type });
}
