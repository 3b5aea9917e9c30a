import { scalar, type Tensor } from '../graph/tensor.ts';
import { add, div, mul, sqrt, sub } from '../operators/elementwise.ts';
import { concat, slice } from '../operators/layout.ts';

export interface AdamOptions {
  readonly name: 'adam';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled decay (AdamW): convolution weights shrink by learningRate * weightDecay per step; 0 switches it off. */
  readonly weightDecay: number;
}

export interface AdamState {
  readonly parameters: Tensor;
  readonly firstMoment: Tensor;
  readonly secondMoment: Tensor;
}

/** The numbers of a step that change from step to step, computed in float64 outside the graph. */
export interface AdamRates {
  /** learningRate / (1 - beta1^t) */
  readonly stepSize: number;
  /** sqrt(1 - beta2^t) */
  readonly secondCorrection: number;
  /** 1 - learningRate * weightDecay */
  readonly shrink: number;
}

/** Rates of step `t`, counted from 1. */
export function adamRates(options: AdamOptions, learningRate: number, t: number): AdamRates {
  return {
    stepSize: learningRate / (1 - options.beta1 ** t),
    secondCorrection: Math.sqrt(1 - options.beta2 ** t),
    shrink: 1 - learningRate * options.weightDecay,
  };
}

/**
 * One step of Adam (Kingma and Ba, 2015) on flat vectors, with decoupled weight decay (Loshchilov and Hutter, 2019)
 * on the first `decayCount` parameters:
 * m' = m + (1 - beta1)(g - m); v' = v + (1 - beta2)(g^2 - v);
 * p' = shrink p - stepSize m' / (sqrt(v') / secondCorrection + epsilon). The rates are scalar tensors.
 */
export function adamStep(
  state: AdamState,
  gradient: Tensor,
  decayCount: number,
  options: AdamOptions,
  rates: { readonly [K in keyof AdamRates]: Tensor },
): AdamState {
  const { beta1, beta2, epsilon, weightDecay } = options;
  const { parameters } = state;
  const firstMoment = add(state.firstMoment, mul(sub(gradient, state.firstMoment), scalar(1 - beta1)));
  const squared = mul(gradient, gradient);
  const secondMoment = add(state.secondMoment, mul(sub(squared, state.secondMoment), scalar(1 - beta2)));
  const scale = add(div(sqrt(secondMoment), rates.secondCorrection), scalar(epsilon));
  const step = mul(div(firstMoment, scale), rates.stepSize);
  const count = parameters.shape[0]!;
  const shrunk =
    weightDecay === 0 || decayCount === 0
      ? parameters
      : concat(
          [
            mul(slice(parameters, 0, 0, decayCount), rates.shrink),
            ...(decayCount < count ? [slice(parameters, 0, decayCount, count)] : []),
          ],
          0,
        );
  return { parameters: sub(shrunk, step), firstMoment, secondMoment };
}

/** Moving average: a' = a + (1 - decay)(value - a); `keep` is 1 - decay as a scalar tensor. */
export function movingAverage(average: Tensor, value: Tensor, keep: Tensor): Tensor {
  return add(average, mul(sub(value, average), keep));
}
