import type { z } from 'zod';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { AnyPlan } from '../any-plan.ts';
import { nearestName } from '../nearest-name.ts';
import { patchPlanSchema } from '../patch-plan.ts';
import { planSchema } from '../plan.ts';
import { patchRecipes } from './patch-recipes.ts';
import { type RecipeInput, unet2dPlan } from './unet-2d.ts';

export interface Recipe {
  /** What its plans look like: what can be set. */
  readonly schema: z.ZodType<AnyPlan>;
  plan(input: RecipeInput): AnyPlan;
}

const recipes: Readonly<Record<string, Recipe>> = {
  'unet-2d': { schema: planSchema, plan: unet2dPlan },
  ...Object.fromEntries(
    Object.entries(patchRecipes).map(([name, plan]) => [name, { schema: patchPlanSchema, plan }]),
  ),
};

/** Names that `--recipe` takes. */
export const recipeNames: readonly string[] = Object.keys(recipes);

/** @throws PipelineError `option-invalid` naming the known recipes */
export function findRecipe(name: string): Recipe {
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
  if (recipe !== undefined) return recipe;
  const near = nearestName(name, recipeNames);
  throw new PipelineError('option-invalid', 'There is no such recipe.', {
    found: name,
    expected: recipeNames.join(', '),
    advice: near === undefined ? undefined : `Did you mean ${near}?`,
  });
}
