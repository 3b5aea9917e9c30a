import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createPredictor, type Predictor } from '@glisson/nn/runtime/predictor';
import type { Trainer } from '@glisson/nn/training/trainer';
import type { Plan } from '../plan/plan.ts';
import type { CaseIndex } from './case-index.ts';
import type { MetricsLog } from './metrics.ts';
import type { RunPaths } from './run-folder.ts';
import { type CaseProbabilities, diceAt, lesionsInLiver, meanOf } from './score-slices.ts';
import type { PreparedSides } from './training-data.ts';

/** What the parts of a run share. */
export interface Run {
  readonly plan: Plan;
  readonly paths: RunPaths;
  readonly sides: PreparedSides;
  readonly cases: readonly CaseIndex[];
  readonly trainer: Trainer;
  readonly metrics: MetricsLog;
  readonly threads: number | undefined;
  /** Steps between checkpoints. */
  readonly every: number;
}

/** Runs `use` with a predictor of the weights as they are now: averaged, when the plan averages them. */
export async function withPredictor<T>(
  run: Run,
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
