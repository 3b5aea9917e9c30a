import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { z } from 'zod';
import { caseInMemory, type PreparedCase } from './prepared-case.ts';

/*
 * A prepared case as a file: 8 bytes length of the header (little-endian), the header as JSON, padded with blanks to a
 * multiple of 8, the image as int16 (little-endian), the labels as uint8. Slices have fixed places, so that a case can
 * be used without being held in memory.
 */

const numbers3 = z.tuple([z.number(), z.number(), z.number()]);
const headerSchema = z.object({
  schema: z.literal('glisson.prepared/1'),
  key: z.string(),
  geometry: z.object({
    size: numbers3,
    spacing: numbers3,
    origin: numbers3,
    direction: z.tuple([...numbers3.def.items, ...numbers3.def.items, ...numbers3.def.items]),
  }),
  /** SHA-256 over image and labels. */
  sha256: z.string(),
});

type Header = z.infer<typeof headerSchema>;

export interface PreparedVoxels {
  readonly geometry: Geometry;
  readonly image: Int16Array;
  readonly labels: Uint8Array;
}

function asBytes(array: Int16Array | Uint8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function hashOf(image: Uint8Array, labels: Uint8Array): string {
  return createHash('sha256').update(image).update(labels).digest('hex');
}

/** Writes a prepared case, whole or not at all. @throws ImagingError `not-writable` */
export async function writePreparedFile(path: string, key: string, prepared: PreparedVoxels): Promise<void> {
  const image = asBytes(prepared.image);
  const { geometry } = prepared;
  const header: Header = {
    schema: 'glisson.prepared/1',
    key,
    geometry: {
      size: [...geometry.size],
      spacing: [...geometry.spacing],
      origin: [...geometry.origin],
      direction: [...geometry.direction],
    },
    sha256: hashOf(image, prepared.labels),
  };
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8, ' '), 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await writeFileWhole(path, Buffer.concat([length, text, image, prepared.labels]));
}

/** A prepared file whose header, length and checksum are as they should be. */
export interface PreparedFile extends PreparedVoxels {
  /** Where the image starts in the file. */
  readonly imageOffset: number;
}

/** Reads and checks a prepared file; undefined when it is not there, damaged, or of another key. */
export async function readPreparedFile(path: string, key: string): Promise<PreparedFile | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined || bytes.length < 8) return undefined;
  const headerLength = Number(bytes.readBigUInt64LE(0));
  if (headerLength % 8 !== 0 || headerLength > bytes.length - 8) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  } catch {
    return undefined;
  }
  const header = headerSchema.safeParse(json);
  if (!header.success || header.data.key !== key) return undefined;
  const { geometry, sha256 } = header.data;
  const voxels = geometry.size[0] * geometry.size[1] * geometry.size[2];
  const imageOffset = 8 + headerLength;
  if (bytes.length !== imageOffset + 3 * voxels) return undefined;
  const image = bytes.subarray(imageOffset, imageOffset + 2 * voxels);
  const labels = bytes.subarray(imageOffset + 2 * voxels);
  if (hashOf(image, labels) !== sha256) return undefined;
  return {
    geometry,
    image: new Int16Array(bytes.buffer, bytes.byteOffset + imageOffset, voxels),
    labels: new Uint8Array(bytes.buffer, bytes.byteOffset + imageOffset + 2 * voxels, voxels),
    imageOffset,
  };
}

/** A case that reads its slices from a checked prepared file when they are asked for. */
export function caseOnDisk(id: string, patient: string, path: string, file: PreparedFile): PreparedCase {
  const [width, height, depth] = file.geometry.size;
  const area = width * height;
  const imageOffset = file.imageOffset;
  const labelOffset = imageOffset + 2 * area * depth;
  const descriptor = openSync(path, 'r');
  const image = new Int16Array(area);
  const labels = new Uint8Array(area);
  return {
    id,
    patient,
    geometry: file.geometry,
    image: (k) => {
      readSync(descriptor, image, 0, 2 * area, imageOffset + 2 * area * k);
      return image;
    },
    labels: (k) => {
      readSync(descriptor, labels, 0, area, labelOffset + area * k);
      return labels;
    },
    close: () => closeSync(descriptor),
  };
}

/** The case of a checked prepared file with its voxels in memory. */
export function caseOfVoxels(id: string, patient: string, voxels: PreparedVoxels): PreparedCase {
  return caseInMemory(id, patient, voxels.geometry, voxels.image, voxels.labels);
}
