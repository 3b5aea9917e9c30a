import { readDataset } from '@glisson/imaging/datasets/read-dataset';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { hashCase } from '../fingerprint/hash-files.ts';
import { findTrainingData, type HashedCase, summariseCases } from '../train/training-data.ts';
import { dealPatients } from './deal-patients.ts';
import type { Folds } from './folds.ts';

export interface CreateFoldsOptions {
  readonly folds: number;
  readonly seed: number;
  /** Where summaries of scans are kept. */
  readonly cache: string;
}

/**
 * Divides the patients of a data set into folds. Where labels are there, its labelled cases count (those that training takes),
 * and folds are alike in the volume of lesions; without any labels all cases count and chance decides.
 * @throws PipelineError `split-impossible`, `data-invalid`; ImagingError as `readDataset` throws
 */
export async function createFolds(
  data: string,
  { folds: count, seed, cache }: CreateFoldsOptions,
  control: TaskControl = {},
): Promise<Folds> {
  const dataset = await readDataset(data);
  const isLabelled = dataset.cases.some((c) => c.label !== undefined);
  const cases: HashedCase[] = [];
  const burdens = new Map<string, number>();
  if (isLabelled) {
    const training = await findTrainingData(data, control);
    cases.push(...training.cases);
    const ids = training.cases.map(({ id }) => id);
    for (const summary of await summariseCases(training, ids, cache, control)) {
      const voxelMl = (summary.spacingMm[0] * summary.spacingMm[1] * summary.spacingMm[2]) / 1000;
      burdens.set(summary.id, summary.lesionVoxels * voxelMl);
    }
  } else {
    for (const one of dataset.cases) {
      control.signal?.throwIfAborted();
      cases.push({ ...one, hash: await hashCase(one, control.signal) });
      control.onProgress?.({
        stage: 'hash files',
        done: cases.length,
        total: dataset.cases.length,
        unit: 'cases',
      });
    }
  }

  const names = [...new Set(cases.map(({ patient }) => patient))].sort();
  const patients = names.map((patient) => {
    const ids = cases.filter((c) => c.patient === patient).map(({ id }) => id);
    const mean = ids.reduce((sum, id) => sum + (burdens.get(id) ?? 0), 0) / ids.length;
    return { patient, cases: ids, lesionMl: isLabelled ? Number(mean.toPrecision(6)) : null };
  });
  return {
    schema: 'glisson.folds/1',
    seed,
    stratifiedBy: isLabelled ? 'lesionMl' : null,
    folds: dealPatients(patients, count, seed),
    patients: Object.fromEntries(patients.map(({ patient, ...rest }) => [patient, rest])),
    files: Object.fromEntries(cases.map(({ id, hash }) => [id, hash])),
  };
}
