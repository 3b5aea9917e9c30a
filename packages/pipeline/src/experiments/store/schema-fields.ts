import { patchPlanSchema } from '../../plan/patch-plan.ts';
import { planSchema } from '../../plan/plan.ts';
import { leafPaths } from '../../plan/plan-fields.ts';

/** Fields of plans, whether or not a run has them. */
export function schemaFieldNames(): string[] {
  return [...new Set([...leafPaths(planSchema), ...leafPaths(patchPlanSchema)])];
}
