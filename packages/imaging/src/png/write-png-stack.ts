import { join } from 'node:path';
import sharp from 'sharp';
import { ImagingError } from '../errors/imaging-error.ts';
import { writeFileWhole } from '../files/whole-files.ts';
import { type Window, windowToBytes } from '../process/window.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { VolumeVoxels } from '../volume/volume.ts';

/** One grey image: `width x height` values, rows from top to bottom. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  /** 8-bit or 16-bit grey values; not copied, not changed. */
  readonly pixels: Uint8Array | Uint16Array;
}

/**
 * Encodes a grey PNG with one channel of 8 or 16 bits, without time stamp or colour profile: the same pixels
 * give the same bytes.
 * @throws ImagingError `value-invalid` when the number of pixels does not fit
 */
export async function encodeGreyPng(image: GreyImage): Promise<Uint8Array> {
  const { width, height, pixels } = image;
  if (pixels.length !== width * height) {
    throw new ImagingError('value-invalid', 'The number of pixels does not fit the picture.', {
      found: `${pixels.length}`,
      expected: `${width} x ${height} = ${width * height}`,
    });
  }
  const is16 = pixels instanceof Uint16Array;
  return sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace(is16 ? 'grey16' : 'b-w')
    .png({ compressionLevel: 6, adaptiveFiltering: false, palette: false })
    .toBuffer();
}

/** Name of slice `index` (from 0): 0001.png and so on. */
export function sliceFileName(index: number): string {
  return `${String(index + 1).padStart(4, '0')}.png`;
}

/**
 * Writes one grey PNG a slice, 0001.png first, into `folder` (made if missing; files of the same names are
 * replaced). At most a few slices are encoded at once, so memory does not grow with their number.
 * @param slice gives the image of slice 0..count-1; called in order
 * @returns the file names
 * @throws ImagingError `value-invalid`, `not-writable`
 */
export async function writePngStack(
  folder: string,
  count: number,
  slice: (index: number) => GreyImage,
  control: TaskControl = {},
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => sliceFileName(index));
  const atOnce = 4;
  for (let start = 0; start < count; start += atOnce) {
    control.signal?.throwIfAborted();
    const batch = names.slice(start, start + atOnce);
    const written = await Promise.allSettled(
      batch.map(async (name, i) => writeFileWhole(join(folder, name), await encodeGreyPng(slice(start + i)))),
    );
    // All of a batch are waited for, so that no write goes on when the caller cleans up after a failure.
    const failed = written.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    control.onProgress?.({ stage: 'pictures', done: start + batch.length, total: count, unit: 'slices' });
  }
  return names;
}

/**
 * A black-and-white mask of slice k: 255 where a label has one of `values`, else 0. Pixels as stored, no flip.
 * @param voxels x fastest, then y, then z
 */
export function maskSlice(
  voxels: Uint8Array,
  size: readonly [number, number, number],
  k: number,
  values: readonly number[],
): GreyImage {
  const [width, height] = size;
  const white = new Uint8Array(256);
  for (const value of values) white[value] = 255;
  const from = k * width * height;
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = white[voxels[from + i]!]!;
  return { width, height, pixels };
}

/** Slice k of a scan as a grey picture: `low` HU and below black, `high` and above white. */
export function windowedSlice(
  voxels: VolumeVoxels,
  size: readonly [number, number, number],
  k: number,
  window: Window,
): GreyImage {
  const [width, height] = size;
  const slice = voxels.subarray(k * width * height, (k + 1) * width * height);
  return { width, height, pixels: windowToBytes(slice, window) };
}
