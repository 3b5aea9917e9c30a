import type { FieldValue, RunRecord } from '../record/run-record.ts';

/** A field in which plans differ; undefined where a plan has no such field. */
export interface PlanDifference {
  readonly field: string;
  readonly values: readonly (FieldValue | undefined)[];
}

/** The fields in which the plans of runs are not all the same, in the order of the plan; values in the order of the runs. */
export function diffPlans(runs: readonly Pick<RunRecord, 'fields'>[]): PlanDifference[] {
  const names = [...new Set(runs.flatMap(({ fields }) => Object.keys(fields)))];
  return names
    .map((field) => ({ field, values: runs.map(({ fields }) => fields[field]) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}
