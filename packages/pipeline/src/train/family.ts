import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Finding } from '@glisson/imaging/volume/scan';
import type { ParameterGroup } from '@glisson/nn/training/groups';
import type { StepReport } from '@glisson/nn/training/step-report';
import type { Trainer, TrainerOptions } from '@glisson/nn/training/trainer';
import type { AnyPlan } from '../plan/any-plan.ts';
import type { FieldValues } from '../plan/set-fields.ts';
import type { EpochScores, StepMetrics } from './metrics.ts';

/** What a family needs to know of the run that it is part of. */
export interface TrainingRun {
  readonly plan: AnyPlan;
  readonly trainer: Trainer;
  readonly threads: number | undefined;
}

/** What is to be trained: see `TrainerOptions`. */
export type TrainerParts = Omit<TrainerOptions, 'threads' | 'signal' | 'groups'>;

/** A batch for the trainer, without its learning rate. */
export interface TrainingBatch {
  readonly images: Float32Array;
  readonly targets: Uint8Array;
}

/** What becomes of a run once training is over. */
export interface FinishedFamily {
  /** The plan with the thresholds that were chosen. */
  readonly plan: AnyPlan;
  readonly thresholds: Readonly<Record<string, number>>;
  readonly validation: ValidationSummary;
  /** The model file, with the plan inside. */
  exportModel(planText: string): Promise<Uint8Array>;
}

/** Dice on all slices of the validation cases, on the prepared grid; null where no case has the class. */
export interface ValidationSummary {
  readonly liverDice: number | null;
  readonly lesionDice: number | null;
  readonly cases: readonly {
    readonly id: string;
    readonly liverDice: number | null;
    readonly lesionDice: number | null;
  }[];
}

/** What a family of networks brings to a training run; everything else is the same for all. */
export interface TrainingFamily {
  readonly trainer: TrainerParts;
  /** What is worth knowing of the plan before training. */
  readonly findings: readonly Finding[];
  /** Parameters with a treatment of their own during a step, counted from 0. */
  groupsAt(step: number): readonly ParameterGroup[];
  /** The batch of a step: it depends on plan, data and step, and on `state`, only. */
  createBatch(step: number): TrainingBatch;
  /** Which slices the batch of a step was cut from, for messages: 'CASE slice 3 of 40'. */
  describeBatch(step: number): string[];
  /** The numbers of a step that a line of metrics averages. */
  numbersOf(report: StepReport): number[];
  /** The line of metrics of those means. */
  lineOf(step: number, means: readonly number[], learningRate: number): StepMetrics;
  /** Scores the validation cases with the weights as they are. */
  validate(run: TrainingRun, control: TaskControl): Promise<EpochScores>;
  /**
   * Scores the held-out cases (`PreparedSides.test`) with the weights as they are, at the thresholds of `chosen`, the scores
   * of validation. Decides nothing.
   */
  watch(run: TrainingRun, chosen: EpochScores, control: TaskControl): Promise<EpochScores>;
  /** Work after an epoch (from 1); true when batches are other ones from then on. */
  afterEpoch(run: TrainingRun, epoch: number, control: TaskControl): Promise<boolean>;
  /** What batches depend on besides plan, data and step, for checkpoints; undefined: nothing. */
  readonly state: readonly number[] | undefined;
  /** Chooses thresholds with the weights as they are, unless they were set. */
  finish(run: TrainingRun, set: FieldValues, control: TaskControl): Promise<FinishedFamily>;
  /** Ends what it keeps open. */
  close(): Promise<void>;
}
