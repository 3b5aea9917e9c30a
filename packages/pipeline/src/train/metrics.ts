import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { appendLine } from './append-line.ts';

interface StepLine {
  readonly kind: 'steps';
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
}

/** Of segmentations. */
export interface SegmentationStepMetrics extends StepLine {
  readonly crossEntropy: number;
  /** Soft Dice on training patches, by class. */
  readonly softDice: readonly number[];
}

/** Of classifiers. */
export interface ClassificationStepMetrics extends StepLine {
  /** Share of training patches that were judged rightly, before each step. */
  readonly accuracy: number;
}

/** Means over the steps since the line before. */
export type StepMetrics = SegmentationStepMetrics | ClassificationStepMetrics;

/** What training gave in an epoch: means over its steps, before each step, on the patches that were drawn. */
export interface EpochTraining {
  readonly trainingLoss?: number;
  /** Soft Dice of the pixels that are liver and no lesion; of segmentations. */
  readonly trainingLiverDice?: number;
  /** Soft Dice of lesions; of segmentations. */
  readonly trainingLesionDice?: number;
  /** Share of patches that were judged rightly; of classifiers. */
  readonly trainingAccuracy?: number;
}

/** Scores of the validation cases; null where no scored slice has the class. */
export interface EpochScores {
  readonly liverDice: number | null;
  readonly lesionDice: number | null;
  /** Where it is chosen anew in each epoch: the threshold of `lesionDice`. */
  readonly lesionThreshold?: number;
  /** Mean of the two, or the one there is: what decides which checkpoint is best. */
  readonly score: number;
  /** The loss on the slices that were scored (see `loss-sums.ts`); null where it means nothing. Absent in older runs. */
  readonly validationLoss?: number | null;
}

/** The scores after an epoch, and what training gave during it (absent in older runs: `epochTraining` works it out). */
export interface EpochMetrics extends EpochScores, EpochTraining {
  readonly kind: 'epoch';
  readonly epoch: number;
  readonly step: number;
  readonly best: boolean;
}

/**
 * Scores of the held-out cases after an epoch, on request and for the eye only: nothing is ever chosen by them. Their best
 * epoch is what an oracle would have taken.
 */
export interface WatchedMetrics extends EpochScores {
  readonly kind: 'watched';
  readonly epoch: number;
  readonly step: number;
}

export type Metrics = StepMetrics | EpochMetrics | WatchedMetrics;

/** The lines of metrics.jsonl; no times, so that a resumed run ends with the same bytes. */
export interface MetricsLog {
  readonly lines: readonly string[];
  add(metrics: Metrics): Promise<void>;
  all(): Metrics[];
}

/** Opens metrics.jsonl with the given lines in it; what a killed run wrote after its checkpoint goes. */
export async function openMetrics(path: string, lines: readonly string[]): Promise<MetricsLog> {
  const kept = [...lines];
  await writeFileWhole(path, kept.map((line) => `${line}\n`).join(''));
  return {
    lines: kept,
    add: async (metrics) => {
      const line = JSON.stringify(metrics);
      kept.push(line);
      await appendLine(path, line);
    },
    all: () => kept.map((line) => JSON.parse(line) as Metrics),
  };
}
