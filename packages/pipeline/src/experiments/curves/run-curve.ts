import { epochTraining } from '../../train/epoch-training.ts';
import type { Metrics } from '../../train/metrics.ts';

/** What curves are drawn of. */
export const measures = ['loss', 'lesionDice', 'liverDice'] as const;
export type Measure = (typeof measures)[number];

export const measureNames: Readonly<Record<Measure, string>> = {
  loss: 'Loss',
  lesionDice: 'Dice of lesions',
  liverDice: 'Dice of the liver',
};

/** `watched`: held-out patients that were looked at during training (`--watch-test`) and decided nothing. */
export const curveSides = ['validation', 'training', 'watched'] as const;
export type CurveSide = (typeof curveSides)[number];

export const sideNames: Readonly<Record<CurveSide, string>> = {
  validation: 'validation',
  training: 'training',
  watched: 'held out, watched only',
};

/** Null where it was not measured. */
export type BySide = Readonly<Record<CurveSide, number | null>>;

/**
 * One epoch. Training values are means over its steps: the loss, the soft Dice of segmentations (each class on its own) or
 * of classifiers nothing. Validation Dice is that of thresholded voxels, the liver with its lesions.
 */
export interface CurveEpoch {
  readonly epoch: number;
  readonly step: number;
  readonly loss: BySide;
  readonly lesionDice: BySide;
  readonly liverDice: BySide;
  /** Share of training patches that were judged rightly, of classifiers. */
  readonly trainingAccuracy: number | null;
  /** What the best checkpoint is chosen by: the mean of the validation Dice there are. */
  readonly score: number;
  /** Whether it was the best so far. */
  readonly best: boolean;
}

/** The course of a training. */
export interface RunCurve {
  readonly name: string;
  readonly epochs: readonly CurveEpoch[];
  /** Training loss on the way, each a mean of ten steps or fewer; `epoch` has a fraction. */
  readonly steps: readonly { readonly epoch: number; readonly loss: number }[];
  /** By the plan; a run may have been stopped before. */
  readonly plannedEpochs: number;
}

/** Puts the lines of metrics.jsonl together, also of runs that did not write training values into their epochs yet. */
export function curveOf(
  name: string,
  metrics: readonly Metrics[],
  training: { readonly steps: number; readonly stepsPerEpoch: number },
): RunCurve {
  const epochs: CurveEpoch[] = [];
  for (const [n, line] of metrics.entries()) {
    if (line.kind === 'watched') {
      const last = epochs.at(-1);
      if (last?.epoch !== line.epoch) continue;
      epochs[epochs.length - 1] = {
        ...last,
        loss: { ...last.loss, watched: line.validationLoss ?? null },
        lesionDice: { ...last.lesionDice, watched: line.lesionDice },
        liverDice: { ...last.liverDice, watched: line.liverDice },
      };
    }
    if (line.kind !== 'epoch') continue;
    const trained = line.trainingLoss === undefined ? epochTraining(metrics.slice(0, n)) : line;
    const sides = (validation: number | null | undefined, ofTraining: number | undefined): BySide => ({
      validation: validation ?? null,
      training: ofTraining ?? null,
      watched: null,
    });
    epochs.push({
      epoch: line.epoch,
      step: line.step,
      loss: sides(line.validationLoss, trained.trainingLoss),
      lesionDice: sides(line.lesionDice, trained.trainingLesionDice),
      liverDice: sides(line.liverDice, trained.trainingLiverDice),
      trainingAccuracy: trained.trainingAccuracy ?? null,
      score: line.score,
      best: line.best,
    });
  }
  const { steps, stepsPerEpoch } = training;
  return {
    name,
    epochs,
    steps: metrics.flatMap((line) =>
      line.kind === 'steps' ? [{ epoch: line.step / stepsPerEpoch, loss: line.loss }] : [],
    ),
    plannedEpochs: Math.ceil(steps / stepsPerEpoch),
  };
}

/** The epoch whose checkpoint the model is made of; undefined before the first one. */
export function bestEpochOf(curve: RunCurve): CurveEpoch | undefined {
  return curve.epochs.findLast((epoch) => epoch.best);
}

/** Measures of which any of the runs has a value. */
export function measuresOf(curves: readonly RunCurve[]): Measure[] {
  return measures.filter((measure) =>
    curves.some(({ epochs }) => epochs.some((e) => curveSides.some((side) => e[measure][side] !== null))),
  );
}
