import { NetworkError } from '../errors/network-error.ts';
import { checkValue } from '../options/check-options.ts';
import { aSource, type ByteSource } from './byte-source.ts';
import { toFloat32 } from './number-types.ts';
import type { OpenWeights } from './open-weights.ts';
import {
  lengthBytes,
  parseSafetensorsHeader,
  readHeaderLength,
  type SafetensorsHeader,
} from './safetensors-header.ts';

/** Reads and checks the header only. @throws NetworkError as `parseSafetensorsHeader` does */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const first = await source.read(0, Math.min(lengthBytes, source.size));
  const headerLength = readHeaderLength(first, source.size);
  const header = await source.read(lengthBytes, lengthBytes + headerLength);
  return parseSafetensorsHeader(header, source.size);
}

/**
 * Opens a safetensors file: reads its header, and later the bytes of those arrays only that are asked for.
 * Takes over the source: it is closed with the result, or when this throws.
 * @throws NetworkError 'damaged' or 'unsupported', as `parseSafetensorsHeader` does
 */
export async function openSafetensors(source: ByteSource): Promise<OpenWeights> {
  checkValue('openSafetensors: source', source, aSource);
  try {
    const { entries, metadata } = await readSafetensorsHeader(source);
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    return {
      format: 'safetensors',
      arrays: entries.map(({ name, shape, type }) => ({ name, shape, type })),
      metadata,
      leftOut: [],
      read: async (name) => {
        const entry = byName.get(name);
        if (entry === undefined)
          throw new NetworkError('value-invalid', `${source.name} has no array '${name}'.`);
        const bytes = await source.read(entry.from, entry.to);
        return { shape: entry.shape, values: toFloat32(bytes, entry.type, name) };
      },
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}
