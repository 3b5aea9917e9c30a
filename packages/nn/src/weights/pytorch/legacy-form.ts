import { NetworkError } from '../../errors/network-error.ts';
import type { ByteSource } from '../byte-source.ts';
import { bytesPerNumber } from '../number-types.ts';
import { describeValue, type Unpickled, unpickle } from '../pickle/pickle-machine.ts';
import { PickleTruncated } from '../pickle/pickle-reader.ts';
import type { PickleHost, PickleValue } from '../pickle/pickle-values.ts';
import type { TorchArchive } from './storages.ts';
import type { StorageReference } from './tensor-view.ts';
import { torchHost } from './torch-globals.ts';

const magicNumber = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;

/** How many bytes of pickles are read at first; the numbers after them are not wanted in memory. */
const firstLook = 2 ** 20;
const longestPickles = 256 * 2 ** 20;

/** The magic number as the pickle of an integer of ten bytes. */
const magicBytes = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** Whether a file begins as the legacy form does: a pickle of the magic number, perhaps in a frame (protocol 4). */
export function isLegacyForm(beginning: Uint8Array): boolean {
  const at = Buffer.from(beginning.subarray(0, 64)).indexOf(magicBytes);
  return beginning[0] === 0x80 && at >= 2 && at <= 11;
}

/**
 * The form before PyTorch 1.6 (and with `_use_new_zipfile_serialization=False`): pickles of a magic number, a
 * version, the machine's properties, the object, and the list of storage keys; then for each key a 64-bit count and
 * that many numbers.
 * @throws NetworkError 'damaged', 'unsupported'
 */
export async function readLegacyForm(source: ByteSource): Promise<TorchArchive> {
  const { root, keys, end } = await readPickles(source);
  const references = new Map<string, StorageReference>();
  const host = root.references;
  for (const reference of host) {
    const known = references.get(reference.key);
    if (known !== undefined && (known.type !== reference.type || known.length !== reference.length)) {
      throw new NetworkError(
        'damaged',
        `The pickle of ${source.name} tells two sizes of storage '${reference.key}'.`,
      );
    }
    references.set(reference.key, reference);
  }

  const starts = new Map<string, number>();
  let position = end;
  for (const key of keys) {
    const reference = references.get(key);
    if (reference === undefined || starts.has(key)) {
      throw new NetworkError(
        'damaged',
        `${source.name} has a storage '${key}' that no tensor uses, or twice.`,
      );
    }
    const head = await source.read(position, position + 8);
    const count = new DataView(head.buffer, head.byteOffset, 8).getBigInt64(0, true);
    if (count !== BigInt(reference.length)) {
      throw new NetworkError(
        'damaged',
        `Storage '${key}' of ${source.name} has ${count} numbers; its pickle tells of ${reference.length}.`,
      );
    }
    starts.set(key, position + 8);
    position += 8 + reference.length * bytesPerNumber(reference.type);
    if (position > source.size) {
      throw new NetworkError(
        'damaged',
        `${source.name} is cut off: storage '${key}' ends at byte ${position}, the file at ${source.size}.`,
      );
    }
  }
  if (position !== source.size) {
    throw new NetworkError(
      'damaged',
      `${source.name} has ${source.size - position} bytes too many at its end.`,
    );
  }
  return {
    root: root.value,
    check: (storage) => {
      if (!starts.has(storage.key)) {
        throw new NetworkError('damaged', `${source.name} has no storage '${storage.key}'.`);
      }
    },
    read: (storage, from, to) => {
      const start = starts.get(storage.key)!;
      const width = bytesPerNumber(storage.type);
      return source.read(start + from * width, start + to * width);
    },
  };
}

interface Pickles {
  readonly root: { readonly value: PickleValue; readonly references: readonly StorageReference[] };
  readonly keys: readonly string[];
  readonly end: number;
}

/** Reads the five pickles from as much of the file as they take. */
async function readPickles(source: ByteSource): Promise<Pickles> {
  for (let length = firstLook; ; length *= 4) {
    const known = Math.min(length, source.size);
    const beginning = await source.read(0, known);
    try {
      return parsePickles(beginning, source.name);
    } catch (error) {
      if (!(error instanceof PickleTruncated) || known === source.size || known >= longestPickles)
        throw error;
    }
  }
}

function parsePickles(bytes: Uint8Array, name: string): Pickles {
  let end = 0;
  const next = (host: PickleHost): PickleValue => {
    const result: Unpickled = unpickle(bytes, host, end);
    end = result.end;
    return result.value;
  };
  const host = torchHost();
  const magic = next(host);
  if (magic !== magicNumber) {
    throw new NetworkError(
      'damaged',
      `${name} begins with ${describeValue(magic)} instead of PyTorch's magic number.`,
    );
  }
  const version = next(host);
  if (version !== protocolVersion) {
    throw new NetworkError(
      'unsupported',
      `${name} has version ${describeValue(version)}; ${protocolVersion} is read.`,
    );
  }
  const machine = next(host);
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) {
    throw new NetworkError('unsupported', `${name} was written on a big-endian machine; that is not read.`);
  }
  const references: StorageReference[] = [];
  const value = next({
    ...host,
    persistent: (id) => {
      const reference = host.persistent(id);
      references.push(reference as StorageReference);
      return reference;
    },
  });
  const keys = next(host);
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) {
    throw new NetworkError('damaged', `${name} has no list of storages.`);
  }
  return { root: { value, references }, keys, end };
}
