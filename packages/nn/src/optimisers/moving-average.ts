import type { Tensor } from '../graph/tensor.ts';
import { add, mul, sub } from '../operators/elementwise.ts';

/** a' = a + share (value - a); `share` is a scalar tensor. */
export function movingAverage(average: Tensor, value: Tensor, share: Tensor): Tensor {
  return add(average, mul(sub(value, average), share));
}

/**
 * Share of the new value in step `step` (from 1) of an average of decay `decay`. While there are few steps to average
 * it is larger, as in TensorFlow's moving average.
 */
export function averageShare(decay: number, step: number): number {
  return 1 - Math.min(decay, (1 + step) / (10 + step));
}
