import type { Finding } from '@glisson/imaging/volume/scan';
import type { SplitPlan } from '../../plan/plan.ts';

export const runKinds = ['train', 'evaluate', 'sweep'] as const;
export type RunKind = (typeof runKinds)[number];

/** As run.json has it. A run on another machine counts as running until it says otherwise: nobody can tell from here. */
export const runStates = ['running', 'finished', 'stopped', 'failed'] as const;
export type RunState = (typeof runStates)[number];

/** A value of a plan's field. Lists are text as `--set` takes it: `160,160`. */
export type FieldValue = number | string | boolean | null;

/** Where a network's first weights came from. */
export interface WeightsOrigin {
  /** `random`, `ImageNet`, `CIFAR-10`, `phantoms`, or the name of the file where nobody knows. */
  readonly origin: string;
  readonly file: string | null;
  /** SHA-256 of the file, hex. */
  readonly sha256: string | null;
}

/** The sweep that a run is a trial of. */
export interface SweepMembership {
  readonly id: string;
  readonly trial: number;
}

/** Which model an evaluation scored, as far as it is known. */
export interface EvaluatedModel {
  /** Folder of the run as it was named, or null. */
  readonly run: string | null;
  /** SHA-256 of model.onnx. */
  readonly model: string | null;
  /** Hash of its plan. */
  readonly plan: string | null;
}

/** On which side of the model's split a case lies; `unknown` when nobody said which model made the prediction. */
export type CaseSide = 'train' | 'validation' | 'test' | 'unknown';

/** Scores of one case; null where they were not measured or the case has none of the class. */
export interface CaseRecord {
  readonly case: string;
  readonly patient: string;
  readonly side: CaseSide;
  readonly liverDice: number | null;
  readonly lesionDice: number | null;
  readonly liverIoU: number | null;
  readonly lesionIoU: number | null;
  /** Predicted and true volumes in ml. */
  readonly liverMl: number | null;
  readonly lesionMl: number | null;
  readonly liverReferenceMl: number | null;
  readonly lesionReferenceMl: number | null;
  /**
   * On what voxels: `prepared` is the resampled grid of the training's own validation (its Dice are not those of
   * masks), `scan` the grid of the scan, as `evaluate` scores.
   */
  readonly grid: 'prepared' | 'scan';
}

/** What came out of a run, in short. Dice and IoU are means over cases, each weighing the same. */
export interface RunResults {
  readonly steps: number | null;
  readonly epochs: number | null;
  readonly bestEpoch: number | null;
  readonly bestStep: number | null;
  readonly validationLiverDice: number | null;
  readonly validationLesionDice: number | null;
  /** Mean of the two, or the one there is: not comparable between a U-Net (both) and a classifier of patches (lesion only). */
  readonly validationScore: number | null;
  /** `all` slices at the end; `sampled`: those that each epoch scores, at the best epoch, while a run has not finished. */
  readonly validationSlices: 'all' | 'sampled' | null;
  readonly testLiverDice: number | null;
  readonly testLesionDice: number | null;
  readonly testLiverIoU: number | null;
  readonly testLesionIoU: number | null;
  readonly testCases: number;
  /** Of an evaluation: over all its cases, whatever their side. */
  readonly evaluatedLiverDice: number | null;
  readonly evaluatedLesionDice: number | null;
  readonly evaluatedCases: number;
}

/** One run as its folder tells it. */
export interface RunRecord {
  /** A label; the folder is what identifies a run. */
  readonly id: string;
  /** Absolute path. */
  readonly folder: string;
  readonly kind: RunKind;
  readonly state: RunState | 'damaged';
  /** Of `damaged`: what is wrong. */
  readonly damage?: string;
  /** Of `failed`: the error. */
  readonly error: string | null;
  readonly command: string | null;
  readonly recipe: string | null;
  readonly seed: number | null;
  /** ISO 8601. */
  readonly started: string | null;
  readonly ended: string | null;
  /** Wall-clock and processor seconds, all sessions of a resumed run together. */
  readonly seconds: number | null;
  readonly coreSeconds: number | null;
  readonly gitCommit: string | null;
  readonly environment: Readonly<Record<string, string | number>>;
  readonly planHash: string | null;
  /** SHA-256 of model.onnx. */
  readonly modelHash: string | null;
  readonly dataHash: string | null;
  readonly foldsHash: string | null;
  /** SHA-256 over the files of each case. */
  readonly files: Readonly<Record<string, string>>;
  readonly weights: WeightsOrigin | null;
  readonly sweep: SweepMembership | null;
  readonly evaluates: EvaluatedModel | null;
  readonly split: SplitPlan | null;
  /** The plan by dotted name: `training.optimiser.learningRate`. */
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly results: RunResults;
  readonly cases: readonly CaseRecord[];
  /** Patients that chose anything in this run: checkpoint, thresholds, a winner. */
  readonly choosers: readonly string[];
  /** Held-out patients that were scored after each epoch: they chose nothing, but their curve could be seen. */
  readonly watched: readonly string[];
  readonly findings: readonly Finding[];
}

export const noResults: RunResults = {
  steps: null,
  epochs: null,
  bestEpoch: null,
  bestStep: null,
  validationLiverDice: null,
  validationLesionDice: null,
  validationScore: null,
  validationSlices: null,
  testLiverDice: null,
  testLesionDice: null,
  testLiverIoU: null,
  testLesionIoU: null,
  testCases: 0,
  evaluatedLiverDice: null,
  evaluatedLesionDice: null,
  evaluatedCases: 0,
};
