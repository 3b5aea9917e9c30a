import { readFile } from 'node:fs/promises';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { readSafetensors, writeSafetensors } from '@glisson/nn/weights/safetensors';
import { z } from 'zod';

/** What the frozen trunk of a network makes of the training patches. */
export interface Features {
  /** [count, ...], row-major. */
  readonly values: Float32Array;
  /** 1 for lesion, for each. */
  readonly targets: Uint8Array;
  /** Where each was cut: 'CASE slice 3 of 40'. */
  readonly places: readonly string[];
}

const metadataSchema = z.object({
  key: z.string(),
  /** JSON: names, and for each feature the number of its own. */
  places: z.string().transform((text) => {
    const { names, of } = z
      .object({ names: z.array(z.string()), of: z.array(z.int()) })
      .parse(JSON.parse(text));
    return of.map((n) => names[n]!);
  }),
});

/** Writes features, whole or not at all. @throws ImagingError `not-writable` */
export async function writeFeatureFile(
  path: string,
  key: string,
  shape: readonly number[],
  { values, targets, places }: Features,
): Promise<void> {
  const names = [...new Set(places)];
  const numbers = new Map(names.map((name, n) => [name, n]));
  const file = writeSafetensors({
    arrays: {
      features: { shape, values },
      targets: { shape: [targets.length], values: Float32Array.from(targets) },
    },
    metadata: { key, places: JSON.stringify({ names, of: places.map((place) => numbers.get(place)!) }) },
  });
  await writeFileWhole(path, file);
}

/** Features of a key and shape; undefined where there are none, or the file is damaged. */
export async function readFeatureFile(
  path: string,
  key: string,
  shape: readonly number[],
): Promise<Features | undefined> {
  try {
    const { arrays, metadata } = readSafetensors(Uint8Array.from(await readFile(path)));
    const { key: found, places } = metadataSchema.parse(metadata);
    const { features, targets } = arrays;
    const isSound =
      found === key &&
      features?.shape.join() === shape.join() &&
      targets?.values.length === shape[0] &&
      places.length === shape[0] &&
      features.values.every(Number.isFinite);
    return isSound
      ? { values: features.values, targets: Uint8Array.from(targets.values), places }
      : undefined;
  } catch {
    return undefined;
  }
}
