import {
  gelu as geluOf,
  leakyRelu as leakyReluOf,
  sigmoid as sigmoidOf,
  silu as siluOf,
} from '../operators/activations.ts';
import { relu as reluOf } from '../operators/elementwise.ts';
import { checkValue } from '../options/check-options.ts';
import { belowOne, fromZero } from '../options/rules.ts';
import { type Layer, pure } from './layer.ts';

export const relu: Layer = pure(reluOf);

/** x where it is positive, else `slope` times x. */
export function leakyRelu(slope = 0.01): Layer {
  checkValue('leakyRelu: slope', slope, fromZero);
  return pure((x) => leakyReluOf(x, slope));
}

/** GELU by the error function. */
export const gelu: Layer = pure((x) => geluOf(x));

/** x sigmoid(x), also called swish. */
export const silu: Layer = pure(siluOf);

export const sigmoid: Layer = pure(sigmoidOf);

/** A share `rate` of the elements is zeroed in training. */
export function dropout(rate: number): Layer {
  checkValue('dropout: rate', rate, belowOne);
  return (scope, x) => scope.dropout(x, rate);
}
