import { scalar, type Tensor } from '../graph/tensor.ts';
import { add, div, mul, sqrt, sub } from '../operators/elementwise.ts';
import type { Rules } from '../options/check-options.ts';
import { belowOne, fromZero, optional } from '../options/rules.ts';
import type { OptimisedSegment, OptimiserUpdate } from './optimiser.ts';

export interface AdaptiveOptions {
  /** Decay of the mean of the gradient; default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of its square; default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the second moment; default 1e-8. */
  readonly epsilon?: number;
  /** Default 0. */
  readonly weightDecay?: number;
}

export const adaptiveRules: Rules<AdaptiveOptions> = {
  beta1: optional(belowOne),
  beta2: optional(belowOne),
  epsilon: optional(fromZero),
  weightDecay: optional(fromZero),
};

export const adaptiveMemory = ['firstMoment', 'secondMoment'] as const;

/**
 * The step of Adam (Kingma and Ba, 2015) from `start`, t counted from 1:
 * m' = m + (1 - beta1)(g - m); v' = v + (1 - beta2)(g^2 - v);
 * p' = start - learningRate / (1 - beta1^t) m' / (sqrt(v') / c + epsilon), c = sqrt(1 - beta2^t).
 * As c learningRate / (1 - beta1^t) m' / (sqrt(v') + c epsilon), the last part is a pass shorter.
 */
export function adaptiveStep(
  start: Tensor,
  gradient: Tensor,
  { memory, rate }: OptimisedSegment,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdaptiveOptions,
): OptimiserUpdate {
  const correction = (step: number) => Math.sqrt(1 - beta2 ** step);
  const stepSize = rate(({ learningRate, step }) => (correction(step) * learningRate) / (1 - beta1 ** step));
  const floor = rate(({ step }) => correction(step) * epsilon);
  const toward = (mean: Tensor, value: Tensor, beta: number) =>
    add(mean, mul(sub(value, mean), scalar(1 - beta)));
  const firstMoment = toward(memory.firstMoment!, gradient, beta1);
  const secondMoment = toward(memory.secondMoment!, mul(gradient, gradient), beta2);
  const step = mul(div(firstMoment, add(sqrt(secondMoment), floor)), stepSize);
  return { parameters: sub(start, step), memory: { firstMoment, secondMoment } };
}
