import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ImagingError } from '../errors/imaging-error.ts';

/** A sibling name that no reader mistakes for a result; random so that two processes do not meet. */
function partialName(path: string): string {
  return join(dirname(path), `.${basename(path)}.partial-${randomBytes(6).toString('hex')}`);
}

function asWriteError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const reasons: Record<string, string> = {
    EACCES: 'no permission',
    EPERM: 'no permission',
    EROFS: 'read-only file system',
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    ENOTDIR: 'a part of the path is a file, not a folder',
    EEXIST: 'a part of the path is a file, not a folder',
    EFBIG: 'the file is larger than allowed',
  };
  if (code === undefined || reasons[code] === undefined) return error;
  return new ImagingError('not-writable', 'The result could not be written.', {
    where: path,
    found: `${reasons[code]} (${code})`,
    expected: 'a folder that can be written, with enough space',
    advice: 'No half-written file was left behind. Free some space, or choose another place.',
    cause: error,
  });
}

/**
 * Writes a file so that it appears whole or not at all: beside, synced, renamed.
 * Parent folders are made. An existing file is replaced.
 * @param content all of it, or pieces as they come; when the pieces throw, nothing is left behind
 * @throws ImagingError `not-writable`, or what the pieces throw
 */
export async function writeFileWhole(
  path: string,
  content: Uint8Array | string | AsyncIterable<Uint8Array>,
): Promise<void> {
  const target = resolve(path);
  const partial = partialName(target);
  try {
    await mkdir(dirname(target), { recursive: true });
    const handle = await open(partial, 'wx');
    try {
      if (typeof content === 'string' || content instanceof Uint8Array) await handle.writeFile(content);
      else for await (const piece of content) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw asWriteError(error, path);
  }
}

/**
 * What may be replaced: nothing, a folder of which every entry is named like an output of the same kind, or
 * (true) whatever is there, for callers that have looked at it themselves.
 */
export type MayReplace = boolean | RegExp;

/**
 * Fills a folder so that it appears whole or not at all: `fill` writes into a hidden sibling, which is
 * renamed to `path` when it returns and removed when it throws (cancellation included).
 * @param mayReplace what else than an empty folder may be there; checked before any work
 * @throws ImagingError `already-exists`, `not-writable`, or what `fill` throws
 */
export async function writeFolderWhole<T>(
  path: string,
  mayReplace: MayReplace,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const target = resolve(path);
  await assertMayWriteFolder(target, mayReplace);
  const partial = partialName(target);
  try {
    await mkdir(dirname(target), { recursive: true });
    await mkdir(partial);
    const result = await fill(partial);
    if (existsSync(target)) {
      const old = partialName(target);
      await rename(target, old);
      try {
        await rename(partial, target);
      } catch (error) {
        await rename(old, target);
        throw error;
      }
      await rm(old, { recursive: true, force: true });
    } else {
      await rename(partial, target);
    }
    return result;
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {});
    throw asWriteError(error, path);
  }
}

/** @throws ImagingError `already-exists` when `path` is a file, or a folder with entries that may not be replaced. */
export async function assertMayWriteFolder(path: string, mayReplace: MayReplace): Promise<void> {
  if (mayReplace === true || !existsSync(path)) return;
  const entries = await readdir(path).catch(() => ['(a file)']);
  if (entries.length === 0) return;
  if (mayReplace === false) {
    throw new ImagingError('already-exists', 'The output is already there.', {
      where: path,
      found: `${entries.length} entries`,
      expected: 'a new or empty folder',
      advice: 'Choose another folder, or say --force to replace it.',
    });
  }
  const strange = entries.filter((name) => !mayReplace.test(name));
  if (strange.length === 0) return;
  throw new ImagingError('already-exists', 'The folder holds something else than an earlier output.', {
    where: path,
    found: strange.slice(0, 5).join(', '),
    expected: 'an output of the same kind, or an empty folder',
    advice: 'Choose another folder: --force replaces outputs only.',
  });
}

/** @throws ImagingError `already-exists` when a file is there and `force` is false. */
export function assertMayWriteFile(path: string, force: boolean): void {
  if (force || !existsSync(path)) return;
  throw new ImagingError('already-exists', 'The output file is already there.', {
    where: path,
    expected: 'a new file name',
    advice: 'Choose another name, or say --force to replace it.',
  });
}
