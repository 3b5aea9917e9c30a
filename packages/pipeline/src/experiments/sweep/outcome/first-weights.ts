import { type AnyPlan, isPatchPlan } from '../../../plan/any-plan.ts';
import { weightsOrigin } from '../../record/weights-origin.ts';
import type { Point } from '../space/dimension.ts';
import { recipeOf, type Space } from '../space/space.ts';
import type { SweepSpec } from '../spec/sweep-spec.ts';

const weightsField = 'training.transfer.weights';

/**
 * Where the first weights of a trial come from, in a word: the label of the option that chose their file, what the sweep says of the
 * recipe, or what is known of the file; `random` where there is none.
 */
export async function firstWeights(
  spec: SweepSpec,
  space: Space,
  point: Point,
  plan: AnyPlan,
): Promise<string> {
  const { weights: file, sha256 } = isPatchPlan(plan)
    ? plan.training.transfer
    : { weights: null, sha256: null };
  if (file === null) return 'random';
  const chosen = space.dimensions.find(
    ({ name, field }) => field === weightsField && point[name] !== undefined,
  );
  if (chosen !== undefined && point[chosen.name] !== file) return String(point[chosen.name]);
  return spec.recipes[recipeOf(space, point)]?.weights ?? (await weightsOrigin(file, sha256)).origin;
}
