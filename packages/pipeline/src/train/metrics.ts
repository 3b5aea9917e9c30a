import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { appendLine } from './append-line.ts';

/** Means over the steps since the line before. */
export interface StepMetrics {
  readonly kind: 'steps';
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  readonly crossEntropy: number;
  /** Soft Dice on training patches, by class. */
  readonly softDice: readonly number[];
  readonly learningRate: number;
}

/** Scores of the validation cases after an epoch; null where no scored slice has the class. */
export interface EpochMetrics {
  readonly kind: 'epoch';
  readonly epoch: number;
  readonly step: number;
  readonly liverDice: number | null;
  readonly lesionDice: number | null;
  /** Mean of the two: what decides which checkpoint is best. */
  readonly score: number;
  readonly best: boolean;
}

export type Metrics = StepMetrics | EpochMetrics;

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
