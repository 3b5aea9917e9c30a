import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';
import type { Finding } from '../volume/scan.ts';

/** The file that a header names: a header must not make us read elsewhere. @throws ImagingError `unsupported` */
export function besideHeader(headerPath: string, name: string): string {
  const folder = dirname(resolve(headerPath));
  const file = resolve(folder, name);
  const inside = relative(folder, file);
  if (!isAbsolute(name) && inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)) return file;
  throw new ImagingError('unsupported', 'The header names a voxel file outside its own folder.', {
    where: headerPath,
    found: name,
    expected: 'a file in the same folder or below it',
    advice: 'Put both files into one folder and name the voxel file without a path.',
  });
}

/** Size in bytes. @throws ImagingError `not-found` */
export async function voxelFileSize(file: string, headerPath: string): Promise<number> {
  const entry = await stat(file).catch(() => undefined);
  if (entry?.isFile()) return entry.size;
  throw new ImagingError('not-found', 'The voxel file that the header names is missing.', {
    where: headerPath,
    expected: file,
    advice: 'Header and voxel file must be copied together.',
  });
}

/** The finding for a few bytes behind the last voxel, if there are any. */
export function trailingBytes(file: string, count: number): Finding[] {
  if (count === 0) return [];
  return [
    {
      severity: 'warning',
      code: 'trailing-bytes',
      message: `${count} bytes follow the last voxel; they were ignored.`,
      where: file,
    },
  ];
}
