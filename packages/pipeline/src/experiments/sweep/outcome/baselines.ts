import type { TaskControl } from '@glisson/imaging/progress/progress';
import { dice } from '../../../evaluate/overlap.ts';
import { type AnyPlan, isPatchPlan } from '../../../plan/any-plan.ts';
import { chooseSlices } from '../../../train/patches/patch-case.ts';
import { meanOf, spreadSlices } from '../../../train/score-slices.ts';
import { prepareSides, type TrainingData } from '../../../train/training-data.ts';
import type { Baseline } from './ranking.ts';

/** Voxels of a case. */
export interface CaseVoxels {
  readonly all: number;
  /** Lesions included. */
  readonly liver: number;
  readonly lesion: number;
}

/** Counts labels: 1 liver, 2 lesion. */
export function countVoxels(slices: Iterable<Uint8Array>): CaseVoxels {
  let all = 0;
  let liver = 0;
  let lesion = 0;
  for (const labels of slices) {
    all += labels.length;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i]! > 0) liver++;
      if (labels[i] === 2) lesion++;
    }
  }
  return { all, liver, lesion };
}

/**
 * What predictions reach that look at nothing: no lesion anywhere, and lesion in all of the true liver (which no network is told).
 * Cases without lesion do not count, as in the scores of trials.
 */
export function constantBaselines(cases: readonly CaseVoxels[]): Baseline[] {
  const scoresOf = (predictedOf: (voxels: CaseVoxels) => number) =>
    meanOf(
      cases.map((voxels) => {
        const { lesion } = voxels;
        const predicted = predictedOf(voxels);
        return lesion === 0
          ? null
          : dice({ reference: lesion, prediction: predicted, intersection: Math.min(lesion, predicted) });
      }),
    );
  const round = (value: number | null) => (value === null ? null : Number(value.toPrecision(7)));
  return [
    { name: 'predict nothing', lesionDice: round(scoresOf(() => 0)), liverDice: 0 },
    {
      name: 'all of the true liver is lesion',
      lesionDice: round(scoresOf(({ liver }) => liver)),
      liverDice: 1,
    },
  ];
}

/** The baselines on those validation slices that the trial of `plan` was scored on at its end. */
export async function validationBaselines(
  data: TrainingData,
  plan: AnyPlan,
  cache: string,
  control: TaskControl,
): Promise<Baseline[]> {
  const onlyValidation = { ...plan, split: { ...plan.split, train: [] } };
  const sides = await prepareSides(
    data,
    onlyValidation,
    cache,
    { memoryBytes: 0, watchTest: false },
    control,
  );
  try {
    return constantBaselines(
      sides.validation.map((prepared) => {
        const small = isPatchPlan(plan) ? plan.training.small : null;
        const depth = prepared.geometry.size[2];
        const slices =
          small === null ? spreadSlices(depth, depth) : chooseSlices(prepared, small.validationSlices);
        return countVoxels(slices.map((k) => prepared.labels(k)));
      }),
    );
  } finally {
    sides.close();
  }
}
