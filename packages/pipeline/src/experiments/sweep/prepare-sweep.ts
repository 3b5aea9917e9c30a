import type { TaskControl } from '@glisson/imaging/progress/progress';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { CaseSummary } from '../../fingerprint/case-summary.ts';
import { hashFile } from '../../fingerprint/hash-files.ts';
import type { AnyPlan } from '../../plan/any-plan.ts';
import type { SplitPlan } from '../../plan/plan.ts';
import { findRecipe } from '../../plan/recipes/recipes.ts';
import { parseFields } from '../../plan/set-fields.ts';
import { splitByPatient } from '../../train/split.ts';
import { findTrainingData, summariseCases, type TrainingData } from '../../train/training-data.ts';
import type { Point } from './space/dimension.ts';
import { choicesAt } from './space/space.ts';
import { type SweepSpec, spaceOf } from './spec/sweep-spec.ts';

/** The data of a sweep, and the plan of each of its points. */
export interface PreparedSweep {
  readonly data: TrainingData;
  readonly split: SplitPlan;
  readonly cases: readonly CaseSummary[];
  /** @throws PipelineError as the recipe's plan does */
  planAt(point: Point): Promise<AnyPlan>;
}

/**
 * Reads the data as each trial will, so that plans can be made before any trial is begun.
 * @throws PipelineError `data-invalid`, `split-impossible`; ImagingError
 */
export async function prepareSweep(
  spec: SweepSpec,
  cache: string,
  control: TaskControl,
): Promise<PreparedSweep> {
  const data = await findTrainingData(spec.data, control);
  const split = splitByPatient(data.cases, { ...spec.split, seed: 1 });
  const cases = await summariseCases(data, split.train, cache, control);
  const space = spaceOf(spec);
  const hashes = new Map<string, Promise<string>>();
  const hashOf = (file: string) => {
    const known = hashes.get(file) ?? hashWeights(file);
    hashes.set(file, known);
    return known;
  };
  return {
    data,
    split,
    cases,
    async planAt(point) {
      const { recipe: label } = choicesAt(space, point);
      const recipe = findRecipe(spec.recipes[label]!.recipe);
      const set = parseFields(trialFields(spec, point), recipe.schema);
      const weights = set.get('training.transfer.weights') as string | null | undefined;
      const weightsHash = weights ? await hashOf(weights) : undefined;
      return recipe.plan({ cases, dataHash: data.dataHash, split, set, weightsHash });
    },
  };
}

/** @throws PipelineError `option-invalid` when there is no such file */
async function hashWeights(file: string): Promise<string> {
  try {
    return await hashFile(file);
  } catch (error) {
    throw new PipelineError('option-invalid', 'The first weights cannot be read.', {
      found: `${file}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`,
      expected: 'a file of weights; paths count from the working directory',
      cause: error,
    });
  }
}

/** Fields of the plan at a point, as `TrainOptions.set` takes them. */
export function trialFields(spec: SweepSpec, point: Point): Record<string, string> {
  const { fields } = choicesAt(spaceOf(spec), point);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)]));
}
