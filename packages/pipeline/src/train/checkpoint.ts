import { readFile } from 'node:fs/promises';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { parseState, serialiseState } from '@glisson/nn/training/state-file';
import type { TrainerState } from '@glisson/nn/training/trainer-state';
import { readSafetensors, writeSafetensors } from '@glisson/nn/weights/safetensors';
import { z } from 'zod';
import { PipelineError } from '../errors/pipeline-error.ts';

const progressSchema = z.strictObject({
  /** Hash of the plan that the run started with: another plan cannot resume. */
  planHash: z.string(),
  /** Steps done. */
  step: z.int().min(0),
  /** The best epoch so far. */
  best: z.strictObject({ epoch: z.int(), step: z.int(), score: z.number() }).nullable(),
  /** All lines of metrics.jsonl so far. */
  metrics: z.array(z.string()),
  /** Sums of the steps since the last line. */
  pending: z.strictObject({ steps: z.int().min(0), sums: z.array(z.number()) }),
  /** What batches depend on besides plan, data and step: see `TrainingFamily`. */
  state: z.array(z.number()).optional(),
});

/** What training has to remember besides weights and optimiser. Batches need nothing: see `createBatch`. */
export type TrainProgress = z.infer<typeof progressSchema>;

const metadataKey = 'glisson.progress';

/**
 * Writes a checkpoint whole or not at all: trainer state and progress in one safetensors file (the progress in its
 * metadata), so that they can only be replaced together.
 * @throws ImagingError `not-writable`
 */
export async function writeCheckpoint(
  path: string,
  state: TrainerState,
  progress: TrainProgress,
): Promise<void> {
  const { arrays, metadata } = readSafetensors(serialiseState(state));
  const withProgress = { ...metadata, [metadataKey]: JSON.stringify(progress) };
  await writeFileWhole(path, writeSafetensors({ arrays, metadata: withProgress }));
}

/** @throws PipelineError `run-invalid` when the file is missing or damaged */
export async function readCheckpoint(
  path: string,
): Promise<{ state: TrainerState; progress: TrainProgress }> {
  try {
    const bytes = Uint8Array.from(await readFile(path));
    const progress = progressSchema.parse(JSON.parse(readSafetensors(bytes).metadata[metadataKey] ?? 'null'));
    return { state: parseState(bytes), progress };
  } catch (error) {
    throw new PipelineError('run-invalid', 'The checkpoint cannot be read.', {
      where: path,
      found: (error as Error).message,
      expected: 'a checkpoint that glisson train wrote',
      advice: 'Start the run again with --force.',
      cause: error,
    });
  }
}
