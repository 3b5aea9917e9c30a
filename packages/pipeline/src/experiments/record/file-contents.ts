import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '../../fingerprint/hash-files.ts';

export interface FileContent {
  readonly bytes: number;
  readonly sha256: string;
}

/** Size and SHA-256 of those files of a folder that are there, by name. */
export async function describeContents(
  folder: string,
  names: readonly string[],
): Promise<Record<string, FileContent>> {
  const contents: Record<string, FileContent> = {};
  for (const name of names) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) contents[name] = { bytes: info.size, sha256: await hashFile(path) };
  }
  return contents;
}
