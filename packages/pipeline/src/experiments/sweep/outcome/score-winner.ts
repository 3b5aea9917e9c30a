import { readCase } from '@glisson/imaging/datasets/read-dataset';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { evaluateCase } from '../../../evaluate/evaluate-case.ts';
import { loadModel } from '../../../predict/load-model.ts';
import { segmentScan } from '../../../predict/segment-scan.ts';
import { meanOf } from '../../../train/score-slices.ts';
import type { TrainingData } from '../../../train/training-data.ts';
import { constantBaselines, countVoxels } from './baselines.ts';
import type { Baseline } from './ranking.ts';

/** The winner on the test patients: the whole scans, on their own grids, by the model as `segment` uses it. */
export interface WinnerTest {
  readonly schema: 'glisson.sweep-test/1';
  readonly trial: number;
  readonly patients: readonly string[];
  readonly cases: readonly {
    readonly id: string;
    readonly patient: string;
    readonly lesionDice: number;
    /** Null for classifiers of patches, which look for no liver. */
    readonly liverDice: number | null;
    readonly lesionReferenceMl: number;
    readonly lesionPredictionMl: number;
  }[];
  /** Means over the cases. */
  readonly lesionDice: number | null;
  readonly liverDice: number | null;
  readonly baselines: readonly Baseline[];
  /** Whether the model was told where the liver is, from the reference. */
  readonly isLiverGiven: boolean;
  /** Trials that were scored on the same patients before, since the sweep went on and found a better one. */
  readonly earlier: readonly { readonly trial: number; readonly lesionDice: number | null }[];
}

/** Segments the test cases with the model of a trial and compares them with the reference. */
export async function scoreWinner(
  trial: number,
  run: string,
  data: TrainingData,
  patients: readonly string[],
  options: { readonly threads: number; readonly earlier: WinnerTest['earlier'] },
  control: TaskControl,
): Promise<WinnerTest> {
  const { threads, earlier } = options;
  const model = await loadModel(run);
  const isPatch = model.kind === 'patch';
  const isLiverGiven = isPatch && model.plan.preprocess.crop === 'liver';
  const round = (value: number) => Number(value.toPrecision(7));
  const cases: WinnerTest['cases'][number][] = [];
  const voxels = [];
  const wanted = data.cases.filter(({ patient }) => patients.includes(patient));
  for (const one of wanted) {
    const { scan, labelmap } = await readCase(one, data.labels, { signal: control.signal });
    const truth = labelmap!;
    const onProgress = control.onProgress;
    const segmentation = await segmentScan(
      scan,
      model,
      { threads, ...(isLiverGiven && { liver: truth }) },
      {
        signal: control.signal,
        onProgress: (event) => onProgress?.({ ...event, stage: 'score the winner', note: one.id }),
      },
    );
    const { liver, lesion } = evaluateCase(truth, segmentation.labelmap);
    cases.push({
      id: one.id,
      patient: one.patient,
      lesionDice: round(lesion.dice),
      liverDice: isPatch ? null : round(liver.dice),
      lesionReferenceMl: round(lesion.referenceMl),
      lesionPredictionMl: round(lesion.predictionMl),
    });
    voxels.push(countVoxels([truth.voxels]));
  }
  const mean = (values: readonly (number | null)[]) => {
    const value = meanOf(values);
    return value === null ? null : round(value);
  };
  return {
    schema: 'glisson.sweep-test/1',
    trial,
    patients,
    cases,
    lesionDice: mean(cases.map(({ lesionDice }) => lesionDice)),
    liverDice: mean(cases.map(({ liverDice }) => liverDice)),
    baselines: constantBaselines(voxels),
    isLiverGiven,
    earlier,
  };
}
