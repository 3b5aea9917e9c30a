import { PipelineError } from '../../errors/pipeline-error.ts';
import { nearestName } from '../nearest-name.ts';
import type { Plan } from '../plan.ts';
import { type RecipeInput, unet2dPlan } from './unet-2d.ts';

export type Recipe = (input: RecipeInput) => Plan;

const recipes: Readonly<Record<string, Recipe>> = { 'unet-2d': unet2dPlan };

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
