import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

const headerBytes = 1 << 16;

/** Where a text header names its voxel file, by the header's extension. */
const namedBy: readonly (readonly [RegExp, RegExp])[] = [
  [/\.(mhd|mha)$/i, /^ElementDataFile[ \t]*=[ \t]*(.+?)[ \t\r]*$/m],
  [/\.(nhdr|nrrd)$/i, /^data ?file:[ \t]*(.+?)[ \t\r]*$/im],
];

/**
 * The file that holds the voxels of a MetaImage or NRRD header, or of one half of a .hdr + .img pair; undefined for
 * files that hold their own, and where it is not there (reading says so).
 */
export async function findVoxelFile(path: string): Promise<string | undefined> {
  const pair = /^(.*)\.hdr(\.gz)?$/i.exec(basename(path));
  if (pair !== null) return findSibling(path, (name) => imageOfPair(name) === pair[1]);
  const image = imageOfPair(basename(path));
  if (image !== undefined)
    return findSibling(path, (name) => /\.hdr(\.gz)?$/i.test(name) && stem(name) === image);
  const pattern = namedBy.find(([extension]) => extension.test(path))?.[1];
  const named = pattern?.exec(await readStart(path))?.[1];
  if (named === undefined || named.toUpperCase() === 'LOCAL') return undefined;
  const target = resolve(dirname(path), named);
  return findSibling(target, (name) => name === basename(target));
}

function stem(name: string): string {
  return name.replace(/\.(hdr|img)(\.gz)?$/i, '');
}

function imageOfPair(name: string): string | undefined {
  return /\.img(\.gz)?$/i.test(name) ? stem(name) : undefined;
}

async function findSibling(path: string, isWanted: (name: string) => boolean): Promise<string | undefined> {
  const names = await readdir(dirname(path)).catch((): string[] => []);
  const found = names.sort().find(isWanted);
  return found === undefined ? undefined : join(dirname(path), found);
}

/** The first 64 KB as latin1, the way headers are written. */
async function readStart(path: string): Promise<string> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
