import { NetworkError } from '../errors/network-error.ts';
import { scalar } from '../graph/tensor.ts';
import { add, mul, sub } from '../operators/elementwise.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { belowOne, flag, fromZero, oneOf, optional } from '../options/rules.ts';
import type { Optimiser, OptimiserUpdate } from './optimiser.ts';

export interface SgdOptions {
  readonly name: 'sgd';
  /** Default 0: plain gradient descent. */
  readonly momentum?: number;
  /** Look ahead along the momentum (default false). */
  readonly nesterov?: boolean;
  /** L2: weightDecay p is added to the gradient; default 0. */
  readonly weightDecay?: number;
}

const rules: Rules<SgdOptions> = {
  name: oneOf('sgd'),
  momentum: optional(belowOne),
  nesterov: optional(flag),
  weightDecay: optional(fromZero),
};

/**
 * Stochastic gradient descent as in PyTorch, without dampening: g' = g + weightDecay p; m' = momentum m + g';
 * p' = p - learningRate m', with Nesterov's form p' = p - learningRate (g' + momentum m') (Sutskever et al., 2013).
 */
export function sgd(options: SgdOptions): Optimiser {
  checkOptions('sgd', options, rules);
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  if (nesterov && momentum === 0) {
    throw new NetworkError('value-invalid', "sgd: Nesterov's form needs a momentum above 0");
  }
  return {
    weightDecay,
    memory: momentum === 0 ? [] : ['momentum'],
    update: ({ parameters, gradient, memory, weightDecay: decay, rate }): OptimiserUpdate => {
      const learningRate = rate((time) => time.learningRate);
      const slope = decay === 0 ? gradient : add(gradient, mul(parameters, scalar(decay)));
      if (momentum === 0) return { parameters: sub(parameters, mul(slope, learningRate)), memory: {} };
      const next = add(mul(memory.momentum!, scalar(momentum)), slope);
      const direction = nesterov ? add(slope, mul(next, scalar(momentum))) : next;
      return { parameters: sub(parameters, mul(direction, learningRate)), memory: { momentum: next } };
    },
  };
}
