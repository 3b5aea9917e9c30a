import { scheduleOf } from '@glisson/nn/optimisers/schedules/schedule-of';
import type { TrainingPlan } from '../plan/plan.ts';

/**
 * Learning rate of a step, counted from 0: a linear warm-up, then constant, (1 - progress)^power, or half a cosine,
 * which end near 0 at the last step.
 */
export function learningRateAt(
  plan: Pick<TrainingPlan, 'steps' | 'schedule'> & { readonly optimiser: { readonly learningRate: number } },
  step: number,
): number {
  const { learningRate } = plan.optimiser;
  const { name, warmupSteps, power } = plan.schedule;
  if (step < warmupSteps) return (learningRate * (step + 1)) / (warmupSteps + 1);
  return learningRate * scheduleOf({ name, power, steps: plan.steps, warmUpSteps: warmupSteps })(step);
}
