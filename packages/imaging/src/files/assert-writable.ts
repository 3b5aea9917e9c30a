import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';

/**
 * Finds out before minutes or hours of work whether something could be made in `folder`, which need not be there
 * yet: makes and removes a probe in the nearest folder that exists.
 * @throws ImagingError `not-writable`
 */
export async function assertWritable(folder: string): Promise<void> {
  let nearest = resolve(folder);
  while (!existsSync(nearest)) nearest = dirname(nearest);
  try {
    await rm(await mkdtemp(join(nearest, '.glisson-probe-')), { recursive: true });
  } catch (cause) {
    throw new ImagingError('not-writable', 'The output folder cannot be written.', {
      where: folder,
      found: `${nearest}: ${(cause as NodeJS.ErrnoException).code}`,
      expected: 'a place where you may create folders',
      advice: 'Choose another --out. Nothing was done yet.',
      cause,
    });
  }
}
