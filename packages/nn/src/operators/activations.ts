import { withGradient } from '../graph/composite.ts';
import { apply, type Operator, scalar, type Tensor } from '../graph/tensor.ts';
import { inOneLayout } from '../onnx/blocked-elementwise.ts';
import { erf as erfOf } from '../reference/erf.ts';
import { add, emitStep, equal, exp, mul, neg, sub, where } from './elementwise.ts';
import { type None, pointwise } from './pointwise.ts';

/** 1 / (1 + e^-x) without overflow on either side. */
function logistic(x: number): number {
  const small = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + small) : small / (1 + small);
}

/** y = 1 / (1 + e^-x); dx = y (1 - y) dy */
export const sigmoidOperator = pointwise({
  name: 'sigmoid',
  onnx: 'Sigmoid',
  value: (x) => logistic(x!),
  gradient: (dy, _, y) => [() => mul(dy, mul(y, sub(scalar(1), y)))],
});

/** y = tanh x; dx = (1 - y^2) dy */
export const tanhOperator = pointwise({
  name: 'tanh',
  onnx: 'Tanh',
  value: (x) => Math.tanh(x!),
  gradient: (dy, _, y) => [() => mul(dy, sub(scalar(1), mul(y, y)))],
});

/** y = ln(1 + e^x), without overflow; dx = sigmoid(x) dy */
export const softplusOperator = pointwise({
  name: 'softplus',
  onnx: 'Softplus',
  value: (x) => Math.max(x!, 0) + Math.log1p(Math.exp(-Math.abs(x!))),
  gradient: (dy, [x]) => [() => mul(dy, sigmoid(x!))],
});

/** y = the error function; dx = 2 / sqrt(pi) e^(-x^2) dy */
export const erfOperator = pointwise({
  name: 'erf',
  onnx: 'Erf',
  value: (x) => erfOf(x!),
  gradient: (dy, [x]) => [() => mul(dy, mul(exp(neg(mul(x!, x!))), scalar(2 / Math.sqrt(Math.PI))))],
});

const unary = (operator: Operator<None>) => (x: Tensor) => apply(operator, [x], {});

export const sigmoid = unary(sigmoidOperator);
export const tanh = unary(tanhOperator);
export const softplus = unary(softplusOperator);
export const erf = unary(erfOperator);

/**
 * y = x where x > 0, else slope x; dx = dy where x > 0, else slope dy (as PyTorch). With a positive slope, y tells as
 * much as x, which then need not be kept.
 */
function leakyReluOperator(slope: number): Operator<None> {
  const plain = pointwise({
    name: 'leakyRelu',
    onnx: 'LeakyRelu',
    onnxAttributes: { alpha: { float: slope } },
    value: (x) => (x! > 0 ? x! : slope * x!),
    gradient: (dy, [x], y) => [() => apply(leakyReluGradientOperator(slope), [slope > 0 ? y : x!, dy], {})],
  });
  return {
    ...plain,
    emit: (result, names, onnx) => {
      // A convolution in blocks of channels does it on the way.
      const convolution = onnx.fusable(names[0]!, result.inputs[0]!);
      if (convolution === undefined) return plain.emit(result, names, onnx);
      convolution.activation = { string: 'LeakyRelu' };
      convolution.activation_params = { floats: [slope] };
      return names[0]!;
    },
  };
}

/** The gradient of `leakyRelu` from a value with the sign of its input, and dy. */
function leakyReluGradientOperator(slope: number): Operator<None> {
  return {
    ...pointwise({
      name: 'leakyReluGradient',
      onnx: '',
      value: (sign, dy) => (sign! > 0 ? dy! : slope * dy!),
    }),
    emit: (result, names, onnx) =>
      inOneLayout(onnx, result.shape, names, ([sign, dy]) => {
        if (slope >= 0 && slope <= 1) return onnx.node('Mul', [dy!, emitStep(onnx, sign!, slope)]);
        const isPositive = onnx.node('Greater', [sign!, onnx.float32(0)]);
        return onnx.node('Where', [isPositive, dy!, onnx.node('Mul', [dy!, onnx.float32(slope)])]);
      }),
  };
}

/** x where it is positive, else `slope` times x (PyTorch's default slope is 0.01). */
export function leakyRelu(x: Tensor, slope: number): Tensor {
  return apply(leakyReluOperator(slope), [x], {});
}

/** y = x between the bounds, else the nearer bound; dx = dy within the bounds, the bounds included (as PyTorch). */
function clipOperator(low: number, high: number): Operator<None> {
  return {
    ...pointwise({
      name: 'clip',
      onnx: 'Clip',
      value: (x) => Math.min(Math.max(x!, low), high),
      gradient: (dy, [x], y) => [() => where(equal(x!, y), dy, scalar(0))],
    }),
    emit: (_, [x], onnx) => onnx.node('Clip', [x!, onnx.float32(low), onnx.float32(high)]),
  };
}

/** x held between two bounds. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return apply(clipOperator(low, high), [x], {});
}

/** SiLU or swish: y = x s with s = sigmoid(x); dx = (s + y (1 - s)) dy. */
export function silu(x: Tensor): Tensor {
  const s = sigmoid(x);
  const y = mul(x, s);
  return withGradient('silu', y, [x], (dy) => [mul(dy, add(s, mul(y, sub(scalar(1), s))))]);
}

/** sqrt(2 / pi) and the cube's factor of the tanh form of GELU. */
const geluScale = Math.sqrt(2 / Math.PI);
const geluCube = 0.044715;

/**
 * GELU (Hendrycks and Gimpel, 2016). 'erf': y = x P with P = (1 + erf(x / sqrt 2)) / 2 and
 * dx = (P + x e^(-x^2 / 2) / sqrt(2 pi)) dy. 'tanh': P = (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3).
 */
export function gelu(x: Tensor, form: 'erf' | 'tanh' = 'erf'): Tensor {
  const half = scalar(0.5);
  const square = mul(x, x);
  if (form === 'erf') {
    const share = mul(add(erf(mul(x, scalar(Math.SQRT1_2))), scalar(1)), half);
    return withGradient('gelu', mul(x, share), [x], (dy) => {
      const density = mul(exp(mul(square, scalar(-0.5))), scalar(1 / Math.sqrt(2 * Math.PI)));
      return [mul(dy, add(share, mul(x, density)))];
    });
  }
  const t = tanh(mul(x, add(mul(square, scalar(geluScale * geluCube)), scalar(geluScale))));
  const share = mul(add(t, scalar(1)), half);
  return withGradient('gelu', mul(x, share), [x], (dy) => {
    const inner = add(mul(square, scalar(3 * geluScale * geluCube)), scalar(geluScale));
    const slope = mul(mul(sub(scalar(1), mul(t, t)), inner), half);
    return [mul(dy, add(share, mul(x, slope)))];
  });
}
