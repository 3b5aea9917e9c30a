import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { PipelineError } from '../errors/pipeline-error.ts';
import { type Folds, foldsSchema } from './folds.ts';

/** Where the folds of a data set lie when nobody says otherwise: beside it. */
export function foldsFileOf(data: string): string {
  return `${resolve(data).replace(/\.csv$/i, '')}.folds.json`;
}

/** Writes folds whole or not at all. @throws ImagingError `not-writable` */
export async function writeFolds(path: string, folds: Folds): Promise<void> {
  await writeFileWhole(path, `${JSON.stringify(folds, null, 2)}\n`);
}

/**
 * Reads folds and checks that they divide: every patient lies in exactly one fold, every case with its patient.
 * @throws PipelineError `folds-invalid`, and `split-impossible` when a patient lies in two folds
 */
export async function readFolds(path: string): Promise<Folds> {
  const invalid = (found: string, cause?: unknown) =>
    new PipelineError('folds-invalid', 'The file holds no folds that can be used.', {
      where: path,
      found,
      expected: 'what glisson folds writes',
      advice: 'Make them anew with glisson folds --force; runs on the old ones can no longer be compared.',
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw invalid((error as Error).message, error);
    throw new PipelineError('folds-invalid', 'There are no folds.', {
      where: path,
      found: 'no such file',
      advice: 'Make them with glisson folds DATA.',
    });
  }
  const result = foldsSchema.safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw invalid(`${issue?.path.map(String).join('.') || 'the file'}: ${issue?.message ?? 'unknown fault'}`);
  }
  assertDivision(result.data, path, invalid);
  return result.data;
}

function assertDivision(folds: Folds, path: string, invalid: (found: string) => PipelineError): void {
  const foldOf = new Map<string, number>();
  for (const [f, patients] of folds.folds.entries()) {
    for (const patient of patients) {
      const other = foldOf.get(patient);
      if (other !== undefined) {
        throw new PipelineError('split-impossible', 'A patient lies in the folds twice.', {
          where: path,
          found:
            other === f
              ? `${patient} twice in fold ${f + 1}`
              : `${patient} in folds ${other + 1} and ${f + 1}`,
          expected: 'each patient in one fold: nobody may be on two sides of a split',
        });
      }
      foldOf.set(patient, f);
      if (!Object.hasOwn(folds.patients, patient))
        throw invalid(`fold ${f + 1} holds ${patient}, of whom no case is known`);
    }
  }
  const ownerOf = new Map<string, string>();
  for (const [patient, { cases }] of Object.entries(folds.patients)) {
    if (!foldOf.has(patient)) throw invalid(`patient ${patient} lies in no fold`);
    for (const id of cases) {
      const owner = ownerOf.get(id);
      if (owner !== undefined) throw invalid(`case ${id} belongs to ${owner} and to ${patient}`);
      ownerOf.set(id, patient);
      if (!Object.hasOwn(folds.files, id)) throw invalid(`case ${id} has no hash`);
    }
  }
  for (const id of Object.keys(folds.files))
    if (!ownerOf.has(id)) throw invalid(`case ${id} belongs to no patient`);
}
