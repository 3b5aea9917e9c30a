import { join } from 'node:path';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Finding } from '@glisson/imaging/volume/scan';
import type { Volume } from '@glisson/imaging/volume/volume';
import { hashJson } from '../plan/plan-text.ts';
import { prepareLabels } from './prepare-labels.ts';
import { type PreparePlan, prepareVolume } from './prepare-volume.ts';
import type { PreparedCase } from './prepared-case.ts';
import { caseOfVoxels, caseOnDisk, readPreparedFile, writePreparedFile } from './prepared-file.ts';

/** Raised whenever `prepareVolume` or `prepareLabels` give other voxels for the same input. */
const codeVersion = 'prepare-1';

/** A case that can be prepared. */
export interface CaseToPrepare {
  readonly id: string;
  readonly patient: string;
  /** SHA-256 over its files. */
  readonly hash: string;
  /** Reads the files; called only when the cache has no sound entry. */
  read(control: TaskControl): Promise<{ volume: Volume; labelmap: Labelmap }>;
}

export interface PreparedEntry {
  readonly prepared: PreparedCase;
  readonly fromCache: boolean;
  readonly findings: readonly Finding[];
}

/** The name of a cache entry: it changes with the files, the part of the plan that matters and the code. */
export function preparedKey(hash: string, plan: PreparePlan): string {
  return hashJson({ code: codeVersion, files: hash, windowHU: plan.windowHU, spacingMm: plan.spacingMm });
}

/**
 * The prepared voxels of a case: from the cache when a sound entry is there, else made and kept. Damaged entries are
 * made again. When the cache cannot be written, the case stays in memory and a finding says so.
 * @param folder where entries are kept
 * @param inMemory false leaves the voxels on disk, to be read slice by slice
 */
export async function prepareCase(
  toPrepare: CaseToPrepare,
  plan: PreparePlan,
  folder: string,
  inMemory: boolean,
  control: TaskControl = {},
): Promise<PreparedEntry> {
  const { id, patient } = toPrepare;
  const key = preparedKey(toPrepare.hash, plan);
  const path = join(folder, `${key}.prepared`);
  const kept = await readPreparedFile(path, key);
  if (kept !== undefined) {
    const prepared = inMemory ? caseOfVoxels(id, patient, kept) : caseOnDisk(id, patient, path, kept);
    return { prepared, fromCache: true, findings: [] };
  }
  const { volume, labelmap } = await toPrepare.read(control);
  const { geometry, voxels } = prepareVolume(volume, plan, { signal: control.signal });
  const made = { geometry, image: voxels, labels: prepareLabels(labelmap, plan) };
  try {
    await writePreparedFile(path, key, made);
  } catch (error) {
    const finding: Finding = {
      severity: 'warning',
      code: 'cache-not-written',
      message: `The prepared scan could not be kept for the next run: ${(error as Error).message}`,
      where: id,
    };
    return { prepared: caseOfVoxels(id, patient, made), fromCache: false, findings: [finding] };
  }
  if (inMemory) return { prepared: caseOfVoxels(id, patient, made), fromCache: false, findings: [] };
  const written = await readPreparedFile(path, key);
  const prepared =
    written === undefined ? caseOfVoxels(id, patient, made) : caseOnDisk(id, patient, path, written);
  return { prepared, fromCache: false, findings: [] };
}
