import type { AnyPlan } from './any-plan.ts';
import { leafPaths } from './plan-fields.ts';
import { findRecipe } from './recipes/recipes.ts';
import { isDerivedField } from './set-fields.ts';

/** Chosen at the end of each training, on its own validation cases. */
const chosenAtTheEnd: readonly string[] = ['postprocess.liverThreshold', 'postprocess.lesionThreshold'];

/**
 * The choices of a plan as `--set` takes them, JSON by dotted name: with the same recipe and data they give the same plan again.
 * Left out: what follows from data and split, the thresholds (they are chosen anew), and fields that the plan does not have.
 * @throws PipelineError `option-invalid` when the plan's recipe is not known
 */
export function fieldsOfPlan(plan: AnyPlan): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const name of leafPaths(findRecipe(plan.recipe).schema)) {
    if (isDerivedField(name) || chosenAtTheEnd.includes(name)) continue;
    const value = name
      .split('.')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | null | undefined)?.[part], plan);
    if (value !== undefined) fields[name] = JSON.stringify(value);
  }
  return fields;
}
