import { randomBytes } from 'node:crypto';
import { copyFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NetworkError } from '../../errors/network-error.ts';
import { checkOptions, checkValue, type Rules } from '../../options/check-options.ts';
import { anything, flag, optional, text } from '../../options/rules.ts';
import { fileSource } from '../byte-source.ts';
import type { DownloadControl } from '../download/download-control.ts';
import { torchNamesOfKeras } from '../keras/keras-names.ts';
import { adaptArray } from '../mapping/adapt-array.ts';
import { isBatchCounter } from '../mapping/array-names.ts';
import type { LoadReport } from '../mapping/load-report.ts';
import { type Recognition, recogniseNetwork } from '../networks/recognise-network.ts';
import { openWeightFile } from '../open-weight-file.ts';
import type { OpenWeights } from '../open-weights.ts';
import { type WeightSource, weightSources } from '../registry.ts';
import { type DeferredArray, saveSafetensors } from '../save-safetensors.ts';
import {
  type CachedWeights,
  fileNameOf,
  findCached,
  hashFile,
  type Provenance,
  partsFolder,
  storeCached,
} from './cached-weights.ts';

export interface ImportOptions {
  /** The cache's folder; it is made. */
  readonly folder: string;
  /** By which the weights are asked for (default: the registry's name of that very file, else the file's name). */
  readonly name?: string;
  /** Where the state dict of a PyTorch checkpoint is, if not under a usual key. */
  readonly key?: string;
  /** Replace what has this name in the cache. */
  readonly force?: boolean;
  /** Files that are known by their checksum (default: the registry). */
  readonly sources?: readonly WeightSource[];
}

const rules: Rules<ImportOptions> = {
  folder: text,
  name: optional(text),
  key: optional(text),
  force: optional(flag),
  sources: anything,
};

export interface Imported extends CachedWeights {
  /** How the arrays fit the recognised network; undefined when none was recognised. */
  readonly report?: LoadReport;
  /** Arrays and other things of the file that are not in the cache. */
  readonly leftOut: OpenWeights['leftOut'];
  readonly arrays: number;
}

/**
 * Takes a weight file into the cache: as it is if it is one of the registry (by its SHA-256), else as float32
 * safetensors, with the arrays of a recognised network under torchvision's names. Batch counters are left out.
 * Numbers, first layers and heads stay as they are in the file.
 * @throws NetworkError of the file's format; 'not-finite' that names the arrays with NaN or infinite numbers;
 * 'already-exists'; the signal's reason. Nothing is in the cache then
 */
export async function importWeights(
  path: string,
  options: ImportOptions,
  control: DownloadControl = {},
): Promise<Imported> {
  checkValue('importWeights: path', path, text);
  checkOptions('importWeights', options, rules);
  const { folder, key, force = false, sources = weightSources } = options;
  const { size } = await stat(path);
  const sha256 = await hashFile(path, control);
  const source = sources.find((known) => known.sha256 === sha256);
  const name = fileNameOf(options.name ?? source?.name ?? basename(path).replace(/\.[A-Za-z0-9]+$/, ''));
  if (!force && (await findCached(folder, name)) !== undefined) {
    throw new NetworkError(
      'already-exists',
      `Weights called '${name}' are in the cache already. Choose another name, or replace them on purpose.`,
    );
  }
  const part = join(await partsFolder(folder), `${name}.import-${randomBytes(6).toString('hex')}`);
  const file = await openWeightFile(await fileSource(path), { key });
  try {
    const places =
      file.format === 'keras' ? torchNamesOfKeras(file.arrays.map((array) => array.name)) : undefined;
    const recognition = recogniseNetwork(file.arrays, places);
    const counters = file.arrays
      .filter((array) => isBatchCounter(array.name))
      .map((array) => ({ name: array.name, reason: 'a counter of training batches' }));
    const about = {
      schema: 'glisson.weights/1' as const,
      name,
      network: recognition?.network ?? source?.network,
      source: { kind: 'file' as const, file: basename(path), format: file.format, bytes: size, sha256 },
    };
    let provenance: Provenance;
    if (source !== undefined) {
      await copyFile(path, part);
      const checked = [`SHA-256 of the whole file: that of ${source.name} in the registry`];
      provenance = { ...about, bytes: size, sha256, checked, licence: source.licence, input: source.input };
    } else {
      const faults: string[] = [];
      const arrays = deferredArrays(file, recognition, control, faults);
      const metadata = {
        ...file.metadata,
        source: basename(path),
        'source.sha256': sha256,
        'source.format': file.format,
        ...(recognition === undefined ? {} : { network: recognition.network }),
      };
      await saveSafetensors(part, arrays, metadata);
      refuseFaults(path, faults, arrays.length);
      const checked =
        recognition === undefined
          ? ['nothing: no known network has such arrays']
          : [`names and shapes: those of ${recognition.network}`];
      provenance = {
        ...about,
        bytes: (await stat(part)).size,
        sha256: await hashFile(part, control),
        checked,
      };
    }
    const stored = await storeCached(folder, part, provenance);
    return {
      ...stored,
      report: recognition?.plan.report,
      leftOut: source === undefined ? [...file.leftOut, ...counters] : [],
      arrays: file.arrays.length - (source === undefined ? counters.length : 0),
    };
  } finally {
    await file.close();
    await rm(part, { force: true });
  }
}

function deferredArrays(
  file: OpenWeights,
  recognition: Recognition | undefined,
  { signal }: DownloadControl,
  faults: string[],
): DeferredArray[] {
  const places = new Map(recognition?.plan.assignments.map((assignment) => [assignment.from, assignment]));
  return file.arrays
    .filter(({ name }) => !isBatchCounter(name))
    .map(({ name, shape }) => ({
      name: places.get(name)?.name ?? name,
      shape,
      values: async () => {
        signal?.throwIfAborted();
        const { values } = await file.read(name);
        const fault = describeFault(name, values);
        if (fault !== undefined) faults.push(fault);
        // The order of a flattened map is the format's; channels and heads are the reader's business.
        const order = places.get(name)?.adaptations.filter(({ kind }) => kind === 'channels-first') ?? [];
        return order.reduce((numbers, adaptation) => adaptArray(numbers, shape, adaptation), values);
      },
    }));
}

/** 'conv1.weight (3 of 9408 numbers, the first is NaN at index 7)'; undefined when all numbers are finite. */
function describeFault(name: string, values: Float32Array): string | undefined {
  let count = 0;
  let first = -1;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    if (count === 0) first = i;
    count++;
  }
  return count === 0
    ? undefined
    : `${name} (${count} of ${values.length} numbers, the first is ${values[first]} at index ${first})`;
}

/** How many arrays a message names. */
const mostNamed = 10;

function refuseFaults(path: string, faults: readonly string[], arrays: number): void {
  if (faults.length === 0) return;
  const more = faults.length > mostNamed ? `; and ${faults.length - mostNamed} more` : '';
  throw new NetworkError(
    'not-finite',
    `${basename(path)} holds NaN or infinite numbers in ${faults.length} of ${arrays} arrays: ${faults.slice(0, mostNamed).join('; ')}${more}. A network with such weights gives NaN only: take an earlier checkpoint.`,
  );
}
