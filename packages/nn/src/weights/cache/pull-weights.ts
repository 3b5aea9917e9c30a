import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NetworkError } from '../../errors/network-error.ts';
import { formatShape } from '../../graph/shape.ts';
import { checkOptions, checkValue, type Rules } from '../../options/check-options.ts';
import { flag, listOf, objectWith, optional, text } from '../../options/rules.ts';
import { downloadArrays } from '../download/download-arrays.ts';
import type { DownloadControl } from '../download/download-control.ts';
import { downloadFile, sizeTolerance } from '../download/download-file.ts';
import { withLock } from '../download/part-lock.ts';
import { planLoad } from '../mapping/plan-load.ts';
import { arraysOf } from '../networks/known-networks.ts';
import type { WeightSource } from '../registry.ts';
import type { SafetensorsEntry } from '../safetensors-header.ts';
import {
  type CachedWeights,
  fileNameOf,
  findCached,
  hashFile,
  partsFolder,
  storeCached,
} from './cached-weights.ts';

export interface PullOptions {
  /** The cache's folder; it is made. */
  readonly folder: string;
  /** Fetch only arrays whose names begin with one of these, e.g. 'features.'. */
  readonly only?: readonly string[];
  /** Another address of the same file, e.g. a mirror. */
  readonly url?: string;
  /** Download although it is there. */
  readonly force?: boolean;
}

const rules: Rules<PullOptions> = {
  folder: text,
  only: optional(listOf('beginnings of names', text)),
  url: optional(text),
  force: optional(flag),
};
const aWeightSource = objectWith('a source, as findSource(name) gives', {
  name: text,
  url: text,
  sha256: text,
});

export interface Pulled extends CachedWeights {
  readonly wasThere: boolean;
}

/** The name under which a source, or a part of it, is in the cache. */
export function cachedName({ name }: Pick<WeightSource, 'name'>, only: readonly string[] = []): string {
  return only.length === 0 ? name : `${name}.${fileNameOf(only.toSorted().join('+'))}`;
}

/**
 * Brings the weights of a source into the cache. A whole file is checked by its SHA-256. Of a part that cannot be
 * done; its header, sizes, names and shapes are checked instead, and the result says so.
 * @throws NetworkError 'download-failed', 'not-found', 'checksum-mismatch', 'unsupported' (a part, from a server
 * without byte ranges), 'already-exists' (another process is at it), 'value-invalid' (no array of such a name), 'damaged'; the signal's reason. What has come is
 * kept for the next call, except when it was found to be wrong.
 */
export async function pullWeights(
  source: WeightSource,
  options: PullOptions,
  control: DownloadControl = {},
): Promise<Pulled> {
  checkValue('pullWeights: source', source, aWeightSource);
  checkOptions('pullWeights', options, rules);
  const { folder, only = [], force = false } = options;
  const name = cachedName(source, only);
  const there = await findCached(folder, name);
  if (there !== undefined && there.problem === undefined && !force) return { ...there, wasThere: true };
  const part = join(await partsFolder(folder), `${name}.part`);
  const stored = await withLock(part, () => pullInto(part, name, source, options, control));
  return { ...stored, wasThere: false };
}

async function pullInto(
  part: string,
  name: string,
  source: WeightSource,
  { folder, only = [], url = source.url }: PullOptions,
  control: DownloadControl,
): Promise<CachedWeights> {
  const checked =
    only.length === 0
      ? await fetchWhole(source, url, part, control)
      : await fetchOnly(source, url, only, part, control);
  const stored = await storeCached(folder, part, {
    schema: 'glisson.weights/1',
    name,
    network: source.network,
    bytes: (await stat(part)).size,
    sha256: checked.sha256,
    source: { kind: 'download', url },
    ...(only.length > 0 ? { only } : {}),
    checked: checked.what,
    licence: source.licence,
    input: source.input,
  });
  await rm(`${part}.json`, { force: true });
  return stored;
}

interface Checked {
  readonly sha256: string;
  readonly what: readonly string[];
}

async function fetchWhole(
  source: WeightSource,
  url: string,
  part: string,
  control: DownloadControl,
): Promise<Checked> {
  await downloadFile({ url, approximateBytes: source.approximateBytes, part }, control);
  const sha256 = await hashFile(part, control);
  if (sha256 !== source.sha256) {
    const { size } = await stat(part);
    await rm(part, { force: true });
    await rm(`${part}.json`, { force: true });
    throw new NetworkError(
      'checksum-mismatch',
      `What came from ${url} is not ${source.name}: its SHA-256 is ${sha256} (${size} bytes), that of the registry ${source.sha256}. It was deleted.`,
    );
  }
  return { sha256, what: ['SHA-256 of the whole file: that of the registry'] };
}

async function fetchOnly(
  source: WeightSource,
  url: string,
  prefixes: readonly string[],
  part: string,
  control: DownloadControl,
): Promise<Checked> {
  const metadata = { source: url, only: prefixes.join(' '), network: source.network };
  const check = (entries: readonly SafetensorsEntry[], total: number) =>
    checkArrays(source, url, entries, total);
  const { validator } = await downloadArrays({ url, prefixes, part, metadata, check }, control);
  const what = [
    'size of the whole file, and that its header tells of every byte',
    `names and shapes of all arrays: those of ${source.network}`,
    validator === undefined
      ? 'not checked: whether all bytes are of one version, and the SHA-256 of the whole file'
      : `that all bytes are of one version (${validator}); not the SHA-256 of the whole file`,
  ];
  // Hubs that keep big files by their checksum have it as the file's tag.
  if (validator?.toLowerCase() === `"${source.sha256}"`)
    what.push("that the server's tag of the file is its SHA-256");
  return { sha256: await hashFile(part, control), what };
}

function checkArrays(
  source: WeightSource,
  url: string,
  entries: readonly SafetensorsEntry[],
  total: number,
): void {
  const wrong = (found: string) =>
    new NetworkError('checksum-mismatch', `The file at ${url} is not ${source.name}: ${found}.`);
  if (Math.abs(total - source.approximateBytes) > source.approximateBytes * sizeTolerance) {
    throw wrong(`it has ${total} bytes, about ${source.approximateBytes} were expected`);
  }
  const wanted = arraysOf(source.network);
  if (wanted === undefined) return;
  try {
    const { assignments } = planLoad(wanted, entries, { strict: true });
    const changed = assignments.find(({ adaptations }) =>
      adaptations.some(({ kind }) => kind === 'channels'),
    );
    if (changed !== undefined) throw wrong(`its ${changed.from} is ${formatShape(changed.fileShape)}`);
  } catch (error) {
    if (error instanceof NetworkError && error.code !== 'checksum-mismatch') throw wrong(error.message);
    throw error;
  }
}
