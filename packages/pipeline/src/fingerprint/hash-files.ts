import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DatasetCase } from '@glisson/imaging/datasets/dataset';
import { findVoxelFile } from './voxel-file.ts';

/** SHA-256 of a file, hex. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

/**
 * SHA-256 of a file, together with the file that holds its voxels where it is a header only; or of the names and
 * contents of all files in a folder, in order of name.
 */
async function hashPath(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  if (!(await stat(path)).isDirectory()) {
    const own = await hashFile(path, signal);
    const voxels = await findVoxelFile(path);
    if (voxels === undefined) return own;
    hash.update(`header ${own}\nvoxels ${await hashFile(voxels, signal)}\n`);
    return hash.digest('hex');
  }
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file, name: file.slice(path.length + 1).replaceAll('\\', '/') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { file, name } of files) hash.update(`${name}\n${await hashPath(file, signal)}\n`);
  return hash.digest('hex');
}

/**
 * SHA-256 over what a case is read from: its scan, its labels and how their values are meant. Where the data lies
 * does not matter.
 */
export async function hashCase(dataCase: DatasetCase, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  hash.update(`scan ${await hashPath(dataCase.image, signal)}\n`);
  const { label } = dataCase;
  if (label?.kind === 'file') {
    hash.update(`labels ${await hashPath(label.path, signal)} ${JSON.stringify(label.values ?? [])}\n`);
  } else if (label?.kind === 'masks') {
    for (const mask of label.masks) hash.update(`mask ${mask.value} ${await hashPath(mask.path, signal)}\n`);
  }
  return hash.digest('hex');
}
