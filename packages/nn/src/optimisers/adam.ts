import { scalar } from '../graph/tensor.ts';
import { add, mul } from '../operators/elementwise.ts';
import { checkOptions } from '../options/check-options.ts';
import { oneOf } from '../options/rules.ts';
import { type AdaptiveOptions, adaptiveMemory, adaptiveRules, adaptiveStep } from './adaptive-step.ts';
import type { Optimiser } from './optimiser.ts';

export interface AdamOptions extends AdaptiveOptions {
  readonly name: 'adam';
}

/** Adam (Kingma and Ba, 2015) with L2 decay, as PyTorch's Adam: weightDecay p is added to the gradient. */
export function adam(options: AdamOptions): Optimiser {
  checkOptions('adam', options, { ...adaptiveRules, name: oneOf('adam') });
  return {
    weightDecay: options.weightDecay ?? 0,
    memory: adaptiveMemory,
    update: (segment) => {
      const { parameters, gradient, weightDecay } = segment;
      const slope = weightDecay === 0 ? gradient : add(gradient, mul(parameters, scalar(weightDecay)));
      return adaptiveStep(parameters, slope, segment, options);
    },
  };
}
