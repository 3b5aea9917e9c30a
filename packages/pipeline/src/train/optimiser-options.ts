import type { Plan } from '../plan/plan.ts';

/** The plan's Adam has decoupled decay. */
export function optimiserOptions({ beta1, beta2, epsilon, weightDecay }: Plan['training']['optimiser']) {
  return { name: 'adamw', beta1, beta2, epsilon, weightDecay } as const;
}
