import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createPredictor, type Predictor } from '@glisson/nn/runtime/predictor';
import type { RunCurve } from '../experiments/curves/run-curve.ts';
import type { TrainingFamily, TrainingRun } from './family.ts';
import type { EpochMetrics, MetricsLog } from './metrics.ts';
import type { RunPaths } from './run-folder.ts';
import { type CaseProbabilities, diceAt, lesionsInLiver, meanOf } from './score-slices.ts';

/** What the parts of a run share. */
export interface Run extends TrainingRun {
  readonly family: TrainingFamily;
  readonly paths: RunPaths;
  readonly metrics: MetricsLog;
  /** Steps between checkpoints. */
  readonly every: number;
  /** Wall-clock and processor seconds so far: for the log. */
  usage(): { readonly seconds: number; readonly coreSeconds: number };
  /** See `TrainOptions`. */
  readonly goOn?: (epoch: EpochMetrics) => Promise<boolean>;
  readonly onCurve?: (curve: RunCurve) => void;
  /** Whether the held-out cases are scored after each epoch, too. */
  readonly watchTest: boolean;
}

/** Runs `use` with a predictor of the weights as they are now: averaged, when the plan averages them. */
export async function withPredictor<T>(
  run: TrainingRun,
  control: TaskControl,
  use: (predictor: Predictor) => Promise<T>,
): Promise<T> {
  const averaged = run.plan.training.weightAverageDecay > 0;
  const model = await run.trainer.exportModel({ averaged, metadata: {} });
  const predictor = await createPredictor(model, { threads: run.threads, signal: control.signal });
  try {
    return await use(predictor);
  } finally {
    await predictor.close();
  }
}

/** Seven digits: what a float32 holds. */
export function round(value: number): number {
  return Number(value.toPrecision(7));
}

export interface Thresholds {
  readonly liverThreshold: number;
  readonly lesionThreshold: number;
}

/** Mean Dice over the cases that have the class. */
export function diceOf(cases: readonly CaseProbabilities[], { liverThreshold, lesionThreshold }: Thresholds) {
  const rounded = (value: number | null) => (value === null ? null : round(value));
  return {
    liverDice: rounded(meanOf(cases.map((c) => diceAt(c.liver, liverThreshold)))),
    lesionDice: rounded(meanOf(cases.map((c) => diceAt(lesionsInLiver(c, liverThreshold), lesionThreshold)))),
  };
}
