import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { assertWritable } from '@glisson/imaging/files/assert-writable';
import { assertMayWriteFolder } from '@glisson/imaging/files/whole-files';
import { PipelineError } from '../errors/pipeline-error.ts';

/** A folder that one verb writes, can go on with, and may replace: a run, a sweep. */
export interface OwnFolder {
  /** Absolute path. */
  readonly folder: string;
  /** What it is called in messages: 'run'. */
  readonly what: string;
  /** Path of the file that makes it one. */
  readonly mark: string;
  /** Names of all that is written into it, the lock included; --force removes these and nothing else. */
  readonly entries: readonly string[];
}

/**
 * Checks, before any work, that it may be written.
 * @param where the folder as messages are to name it
 * @throws ImagingError `already-exists`, `not-writable`; PipelineError `run-invalid` for --resume of what is not there, and for
 * --force where something else would be lost
 */
export async function assertMayWriteOwn(
  { folder, what, mark, entries }: OwnFolder,
  { resume, force }: { readonly resume: boolean; readonly force: boolean },
  where = folder,
): Promise<void> {
  if (resume) {
    if (existsSync(mark)) return;
    throw new PipelineError('run-invalid', `There is no ${what} to resume.`, {
      where,
      expected: `a folder with the ${basename(mark)} of a ${what} that was stopped`,
      advice: 'Start it without --resume.',
    });
  }
  await assertMayWriteFolder(folder, force);
  await assertWritable(folder);
  if (!existsSync(folder)) return;
  const strange = (await readdir(folder)).filter((name) => !entries.includes(name));
  if (strange.length > 0 && !existsSync(mark)) {
    throw new PipelineError('run-invalid', `The folder holds something else than a ${what}.`, {
      where,
      found: strange.slice(0, 5).join(', '),
      expected: `an earlier ${what}, or an empty folder`,
      advice: `Choose another folder: --force replaces ${what}s only.`,
    });
  }
}

/** Removes what was written before, but not the lock, which is held. */
export async function clearOwn({ folder, entries }: Pick<OwnFolder, 'folder' | 'entries'>): Promise<void> {
  for (const entry of entries)
    if (entry !== '.lock') await rm(join(folder, entry), { recursive: true, force: true });
}
