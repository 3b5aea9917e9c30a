import { placeCase } from './case-side.ts';
import type { CaseRecord, RunRecord } from './run-record.ts';
import { testResults } from './summarise-cases.ts';

/** Whether an evaluation scored predictions of a run's model: by the model's hash, or else by its plan's. */
export function isEvaluationOf(
  evaluation: Pick<RunRecord, 'kind' | 'evaluates'>,
  run: Pick<RunRecord, 'kind' | 'modelHash' | 'planHash'>,
): boolean {
  if (evaluation.kind !== 'evaluate' || run.kind !== 'train' || evaluation.evaluates === null) return false;
  const { model, plan } = evaluation.evaluates;
  if (model !== null && run.modelHash !== null) return model === run.modelHash;
  return plan !== null && plan === run.planHash;
}

/**
 * A copy of a run with the scores that evaluations gave its model beside its own: sides and patients are those of its
 * split, and of a case that was scored several times the newest score counts. Evaluations of other models, and those
 * that are not finished, are passed over.
 */
export function attachEvaluations(run: RunRecord, evaluations: readonly RunRecord[]): RunRecord {
  const scored = new Map<string, CaseRecord>();
  const own = evaluations
    .filter((evaluation) => evaluation.state === 'finished' && isEvaluationOf(evaluation, run))
    .sort((a, b) => ((a.started ?? '') < (b.started ?? '') ? -1 : 1));
  if (own.length === 0) return run;
  for (const { cases } of own) {
    for (const entry of cases) scored.set(entry.case, { ...entry, ...placeCase(run.split, entry.case) });
  }
  const cases = [...run.cases, ...scored.values()];
  return { ...run, cases, results: { ...run.results, ...testResults(cases) } };
}
