import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DownloadControl, reportBytes } from '../download/download-control.ts';
import type { InputNormalisation } from '../registry.ts';

/** Where cached weights came from, and what was checked: beside each file as `NAME.json`. */
export interface Provenance {
  readonly schema: 'glisson.weights/1';
  /** By which the file is asked for; the file is `NAME.safetensors`. */
  readonly name: string;
  /** One of `knownNetworks`, when it was recognised. */
  readonly network?: string;
  readonly bytes: number;
  /** Of the cached file. */
  readonly sha256: string;
  readonly source:
    | { readonly kind: 'download'; readonly url: string }
    | {
        readonly kind: 'file';
        readonly file: string;
        readonly format: string;
        readonly bytes: number;
        readonly sha256: string;
      };
  /** When only arrays with these prefixes were fetched. */
  readonly only?: readonly string[];
  /** What was compared with what, in words. */
  readonly checked: readonly string[];
  readonly licence?: string;
  readonly input?: InputNormalisation;
}

/** A file of the cache. */
export interface CachedWeights {
  readonly path: string;
  readonly provenance: Provenance;
  /** Why it is not what its provenance says, if so. */
  readonly problem?: string;
}

/** Where the cache keeps the weights of a name: a safetensors file. */
export function weightsPath(folder: string, name: string): string {
  return join(folder, `${name}.safetensors`);
}

function provenancePath(folder: string, name: string): string {
  return join(folder, `${name}.json`);
}

/** A name that is a file name on every system, from any text. */
export function fileNameOf(text: string): string {
  return text.replace(/[^A-Za-z0-9._+-]+/g, '-').replace(/^[.-]+|[.-]+$/g, '') || 'weights';
}

/** What is in the cache, by name; an absent folder is an empty one. Only sizes are compared: see `verifyCached`. */
export async function listCached(folder: string): Promise<readonly CachedWeights[]> {
  const names = (await entriesOf(folder))
    .filter((file) => file.endsWith('.safetensors') && !file.startsWith('.'))
    .map((file) => file.slice(0, -'.safetensors'.length))
    .sort();
  const found: CachedWeights[] = [];
  for (const name of names) found.push(await describeCached(folder, name));
  return found;
}

/** One file of the cache, or undefined. */
export async function findCached(folder: string, name: string): Promise<CachedWeights | undefined> {
  const isThere = (await entriesOf(folder)).includes(`${name}.safetensors`);
  return isThere ? describeCached(folder, name) : undefined;
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function describeCached(folder: string, name: string): Promise<CachedWeights> {
  const path = weightsPath(folder, name);
  const { size } = await stat(path);
  const provenance = await readProvenance(provenancePath(folder, name));
  if (provenance === undefined) {
    const unknown: Provenance = {
      schema: 'glisson.weights/1',
      name,
      bytes: size,
      sha256: '',
      source: { kind: 'file', file: path, format: 'unknown', bytes: size, sha256: '' },
      checked: [],
    };
    return { path, provenance: unknown, problem: 'nothing tells where this file came from' };
  }
  if (provenance.bytes !== size) {
    return { path, provenance, problem: `has ${size} bytes instead of ${provenance.bytes}` };
  }
  return { path, provenance };
}

async function readProvenance(path: string): Promise<Provenance | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'));
    const { schema, bytes, sha256, source } = (found ?? {}) as Record<string, unknown>;
    const isRight =
      schema === 'glisson.weights/1' &&
      typeof bytes === 'number' &&
      typeof sha256 === 'string' &&
      typeof source === 'object';
    return isRight ? (found as Provenance) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Moves a finished file into the cache; it appears whole or not at all. An earlier one of its name is replaced.
 * @param from on the same disk: in `partsFolder`
 */
export async function storeCached(
  folder: string,
  from: string,
  provenance: Provenance,
): Promise<CachedWeights> {
  const { name } = provenance;
  // First the note, then the file: a file without note would be of unknown origin.
  const note = `${provenancePath(folder, name)}.partial-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(note, `${JSON.stringify(provenance, null, 2)}\n`, { flush: true });
    await rename(note, provenancePath(folder, name));
  } catch (error) {
    await rm(note, { force: true });
    throw error;
  }
  await rename(from, weightsPath(folder, name));
  return { path: weightsPath(folder, name), provenance };
}

/** Makes the folder for what is not finished, inside the cache, and gives its path. */
export async function partsFolder(folder: string): Promise<string> {
  const parts = join(folder, '.parts');
  await mkdir(parts, { recursive: true });
  return parts;
}

/** SHA-256 of a file in hexadecimal, with progress. @throws the signal's reason */
export async function hashFile(path: string, control: DownloadControl): Promise<string> {
  const { size } = await stat(path);
  const hash = createHash('sha256');
  let done = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    control.signal?.throwIfAborted();
    hash.update(piece as Uint8Array);
    done += (piece as Uint8Array).length;
    reportBytes(control, 'checking', done, size);
  }
  return hash.digest('hex');
}
