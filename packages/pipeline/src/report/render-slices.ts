import { windowToBytes } from '@glisson/imaging/process/window';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Volume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';
import { sliceIndex } from '../measure/slice-number.ts';
import { inParallel } from './in-parallel.ts';
import type { SliceView } from './slice-view.ts';

/** Grey levels of the report: wide enough for all its window presets. */
export const reportWindow = { low: -160, high: 240 } as const;

/** All pictures of a report together, before base64; less than this a slice would blur them. */
const totalBytes = 10_500_000;
const leastBytesPerSlice = 12_000;

/**
 * Renders all slices as 8-bit WebP pictures in the radiological view, in the order of their numbers. The quality
 * is the best of a few steps with which the middle slice fits the page's budget, so that a long scan still
 * opens quickly.
 */
export async function renderSlices(volume: Volume, view: SliceView, control: TaskControl): Promise<Buffer[]> {
  const { geometry } = volume;
  const depth = geometry.size[2];
  const area = geometry.size[0] * geometry.size[1];
  const encode = (number: number, quality: number): Promise<Buffer> => {
    const k = sliceIndex(geometry, number);
    const grey = windowToBytes(view.turn(volume.voxels.subarray(k * area, (k + 1) * area)), reportWindow);
    return sharp(grey, { raw: { width: view.width, height: view.height, channels: 1 } })
      .webp({ quality, effort: 2 })
      .toBuffer();
  };
  const budget = Math.max(leastBytesPerSlice, totalBytes / depth);
  const middle = Math.ceil(depth / 2);
  let quality = 82;
  while (quality > 40 && (await encode(middle, quality)).length > budget) quality -= 14;
  let done = 0;
  return inParallel(depth, control, async (n) => {
    const picture = await encode(n + 1, quality);
    control.onProgress?.({ stage: 'report', done: ++done, total: depth, unit: 'slices' });
    return picture;
  });
}
