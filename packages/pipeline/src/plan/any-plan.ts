import type { z } from 'zod';
import { type PatchPlan, patchFamilies, patchPlanSchema } from './patch-plan.ts';
import { type Plan, planSchema } from './plan.ts';

/** The plan of any network that Glisson trains: they are told apart by `network.family`. */
export type AnyPlan = Plan | PatchPlan;

export function isPatchPlan(plan: AnyPlan): plan is PatchPlan {
  return plan.network.family !== 'unet-2d';
}

/** The schema that parsed JSON should be checked against, by its `network.family`. */
export function schemaOfPlan(json: unknown): z.ZodType<AnyPlan> {
  const { network } = json as { network?: { family?: unknown } };
  return (patchFamilies as readonly unknown[]).includes(network?.family) ? patchPlanSchema : planSchema;
}
