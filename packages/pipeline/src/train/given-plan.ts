import { readFile } from 'node:fs/promises';
import { PipelineError } from '../errors/pipeline-error.ts';
import { type AnyPlan, isPatchPlan } from '../plan/any-plan.ts';
import type { SplitPlan } from '../plan/plan.ts';
import { parsePlanText } from '../plan/read-plan.ts';

/** Patients of the two sides that can be named. */
interface NamedPatients {
  readonly validation?: readonly string[];
  readonly test?: readonly string[];
}

/**
 * Reads the plan that a training is to follow; undefined when it follows a recipe.
 * @throws PipelineError `option-invalid` when recipe and plan are both given, `plan-invalid`, `plan-version`
 */
export async function readGivenPlan(options: {
  readonly plan?: string;
  readonly recipe?: string;
}): Promise<AnyPlan | undefined> {
  const { plan: file, recipe } = options;
  if (file === undefined) return undefined;
  const plan = parsePlanText(await readFile(file, 'utf8'), file);
  if (recipe !== undefined && recipe !== plan.recipe) {
    throw new PipelineError('option-invalid', 'A plan and another recipe are given.', {
      found: `recipe ${recipe}, and a plan of the recipe ${plan.recipe}`,
      where: file,
      advice: 'Give one of them; fields of a plan are changed with --set.',
    });
  }
  return plan;
}

/** The patients that a split holds out. */
export function patientsOf({ validation, test, patients }: SplitPlan): NamedPatients {
  const named = (ids: readonly string[]) => [...new Set(ids.map((id) => patients[id]!))];
  return { validation: named(validation), test: named(test) };
}

/** Those sides of which patients are named. */
export function namedPatients({ validation, test }: NamedPatients): NamedPatients {
  return { ...(validation !== undefined && { validation }), ...(test !== undefined && { test }) };
}

/** @throws PipelineError `option-invalid` when a plan's first weights are no longer what they were */
export function assertWeightsOf(
  plan: AnyPlan | undefined,
  file: string | null | undefined,
  sha256: string | undefined,
): void {
  if (plan === undefined || !isPatchPlan(plan)) return;
  const { transfer } = plan.training;
  if (transfer.weights !== file || transfer.sha256 === null || transfer.sha256 === sha256) return;
  throw new PipelineError('option-invalid', 'The first weights are not those of the plan.', {
    where: transfer.weights ?? undefined,
    found: `SHA-256 ${sha256}`,
    expected: transfer.sha256,
    advice: 'Name the file that the plan means with --set training.transfer.weights=FILE.',
  });
}
