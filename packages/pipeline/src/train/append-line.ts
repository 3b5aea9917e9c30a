import { appendFile } from 'node:fs/promises';
import { ImagingError } from '@glisson/imaging/errors/imaging-error';

/** Adds a line to a text file. @throws ImagingError `not-writable` */
export async function appendLine(path: string, line: string): Promise<void> {
  try {
    await appendFile(path, `${line}\n`);
  } catch (error) {
    throw new ImagingError('not-writable', 'The run could not be written on.', {
      where: path,
      found: (error as Error).message,
      expected: 'a folder that can be written, with enough space',
      advice: 'Free some space or restore the folder, then go on with --resume.',
      cause: error,
    });
  }
}
