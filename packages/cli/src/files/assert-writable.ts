import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ImagingError } from '@glisson/imaging/errors/imaging-error';

/**
 * Finds out before minutes of work whether a folder could be made and filled at `path`, by making and removing
 * a probe in the nearest folder that exists.
 * @throws ImagingError `not-writable`
 */
export async function assertWritable(path: string): Promise<void> {
  let folder = dirname(resolve(path));
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    await rm(await mkdtemp(join(folder, '.glisson-probe-')), { recursive: true });
  } catch (cause) {
    throw new ImagingError('not-writable', 'The output folder cannot be written.', {
      where: path,
      found: `${folder}: ${(cause as NodeJS.ErrnoException).code}`,
      expected: 'a place where you may create folders',
      advice: 'Choose another --out. Nothing was done yet.',
      cause,
    });
  }
}
