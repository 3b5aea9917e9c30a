import { mul } from '../operators/elementwise.ts';
import { checkOptions } from '../options/check-options.ts';
import { oneOf } from '../options/rules.ts';
import { type AdaptiveOptions, adaptiveMemory, adaptiveRules, adaptiveStep } from './adaptive-step.ts';
import type { Optimiser } from './optimiser.ts';

export interface AdamWOptions extends AdaptiveOptions {
  readonly name: 'adamw';
}

/**
 * Adam with decoupled decay (Loshchilov and Hutter, 2019): parameters shrink by learningRate * weightDecay before the
 * step, and the decay stays out of the moments.
 */
export function adamw(options: AdamWOptions): Optimiser {
  checkOptions('adamw', options, { ...adaptiveRules, name: oneOf('adamw') });
  return {
    weightDecay: options.weightDecay ?? 0,
    memory: adaptiveMemory,
    update: (segment) => {
      const { parameters, gradient, weightDecay, rate } = segment;
      const start =
        weightDecay === 0
          ? parameters
          : mul(
              parameters,
              rate(({ learningRate }) => 1 - learningRate * weightDecay),
            );
      return adaptiveStep(start, gradient, segment, options);
    },
  };
}
