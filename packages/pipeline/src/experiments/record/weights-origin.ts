import { open, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { weightSources } from '@glisson/nn/weights/registry';
import {
  lengthBytes,
  parseSafetensorsHeader,
  readHeaderLength,
} from '@glisson/nn/weights/safetensors-header';
import { readRunFile } from './run-file.ts';
import type { WeightsOrigin } from './run-record.ts';

/** Key of a safetensors file's metadata that says what its network was trained on. */
export const trainedOnKey = 'glisson.trainedOn';

/** What the names of public files say. */
const telling: readonly (readonly [RegExp, string])[] = [
  [/imagenet|in1k|in21k/i, 'ImageNet'],
  [/cifar-?10(?!0)/i, 'CIFAR-10'],
  [/phantom/i, 'phantoms'],
];

/**
 * Says where first weights came from. In this order: no file, or nothing taken from it (`random`); the registry by the
 * file's SHA-256 or that of the file it was imported from; what the file says itself; the run that it lies in; its name.
 * @param used false when no array of the file went into the network
 */
export async function weightsOrigin(
  file: string | null,
  sha256: string | null,
  used = true,
): Promise<WeightsOrigin> {
  if (file === null || !used) return { origin: 'random', file, sha256 };
  const said =
    (await byRegistry(file, sha256)) ??
    (await byMetadata(file)) ??
    (await byRun(file)) ??
    shortName(basename(file)) ??
    basename(file);
  return { origin: said, file, sha256 };
}

function shortName(text: string): string | undefined {
  return telling.find(([pattern]) => pattern.test(text))?.[1];
}

async function byRegistry(file: string, sha256: string | null): Promise<string | undefined> {
  const known = new Set<unknown>([sha256]);
  let name: unknown;
  try {
    const beside = file.replace(/\.safetensors$/, '.json');
    const provenance = JSON.parse(await readFile(beside, 'utf8')) as {
      schema?: unknown;
      name?: unknown;
      source?: { sha256?: unknown; kind?: unknown };
    };
    if (provenance.schema === 'glisson.weights/1') {
      known.add(provenance.source?.sha256);
      if (provenance.source?.kind === 'download') name = provenance.name;
    }
  } catch {
    // No file of the weights' cache.
  }
  const source = weightSources.find((entry) => known.has(entry.sha256) || entry.name === name);
  return source && (shortName(source.trainedOn) ?? source.trainedOn);
}

async function byMetadata(file: string): Promise<string | undefined> {
  if (!file.endsWith('.safetensors')) return undefined;
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const head = new Uint8Array(lengthBytes);
      await handle.read(head, 0, lengthBytes, 0);
      const header = new Uint8Array(readHeaderLength(head, size));
      await handle.read(header, 0, header.length, lengthBytes);
      return parseSafetensorsHeader(header, size).metadata[trainedOnKey];
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}

/** Of a model or checkpoint of Glisson's own. */
async function byRun(file: string): Promise<string | undefined> {
  for (const folder of [dirname(file), join(dirname(file), '..')]) {
    const run = await readRunFile(folder).catch(() => undefined);
    if (run?.kind === 'train') return run.layout === 'glisson-phantom' ? 'phantoms' : `run ${run.id}`;
  }
  return undefined;
}
