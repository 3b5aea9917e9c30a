import { relu as reluOf } from '../operators/elementwise.ts';
import { type Layer, pure } from './layer.ts';

export const relu: Layer = pure(reluOf);

/** A share `rate` of the elements is zeroed in training. */
export function dropout(rate: number): Layer {
  return (scope, x) => scope.dropout(x, rate);
}
