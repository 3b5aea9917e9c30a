import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toSourceSlices } from '@glisson/imaging/dicom/straighten';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Scan } from '@glisson/imaging/volume/scan';
import sharp from 'sharp';
import { sliceIndex } from '../measure/slice-number.ts';
import { inParallel } from './in-parallel.ts';
import { createSliceView, slicePositionMm } from './slice-view.ts';

/** Which voxels a stack of masks shows, and where it goes. */
const stacks = [
  { folder: 'masks', region: 'lesion', least: 2 },
  { folder: 'masks-liver', region: 'liver', least: 1 },
] as const;

/**
 * Writes `masks/` (lesions) and `masks-liver/` (liver with its lesions): one 8-bit grey PNG a source slice, of
 * the source's size, pixels as stored, exactly 0 or 255; numbered from 0001 as `sliceNumber` says. An index.json
 * in each folder leads from the number to the SOP Instance UID and file, or to the array index.
 */
export async function writeMasks(
  folder: string,
  scan: Scan,
  labelmap: Labelmap,
  control: TaskControl = {},
): Promise<void> {
  const { geometry } = labelmap;
  const depth = geometry.size[2];
  const [columns, rows] = scan.straightening?.sourceSize ?? [geometry.size[0], geometry.size[1]];
  const empty = await encodeMask(new Uint8Array(columns * rows), columns, rows);
  const digits = Math.max(4, String(depth).length);
  const [from, to] = createSliceView(geometry).numbering;
  let done = 0;
  for (const { folder: name, region, least } of stacks) {
    await mkdir(join(folder, name));
    const slices = await inParallel(depth, control, async (n) => {
      const number = n + 1;
      const k = sliceIndex(geometry, number);
      const labels = toSourceSlices(labelmap.voxels, scan, k);
      const mask = new Uint8Array(labels.length);
      let pixels = 0;
      for (let i = 0; i < labels.length; i++) {
        if (labels[i]! >= least) {
          mask[i] = 255;
          pixels++;
        }
      }
      const file = `${String(number).padStart(digits, '0')}.png`;
      await writeFile(join(folder, name, file), pixels === 0 ? empty : await encodeMask(mask, columns, rows));
      control.onProgress?.({ stage: 'masks', done: ++done, total: depth * stacks.length, unit: 'slices' });
      const source = scan.slices[k];
      return {
        number,
        file,
        index: k,
        sopInstanceUid: source?.sopInstanceUid,
        frame: source?.frame,
        sourceFile: source?.file,
        positionMm: Number(slicePositionMm(geometry, k).toFixed(3)),
        pixels,
      };
    });
    const index = {
      schema: 'glisson.masks/1',
      region,
      values: { background: 0, [region]: 255 },
      columns,
      rows,
      pixels: 'as stored in the source slice: not flipped, not turned',
      numbering: `from ${from} (1) to ${to} (${depth})`,
      indexIs: 'position of the slice along the third axis of the volume, from 0',
      slices,
    };
    await writeFile(join(folder, name, 'index.json'), `${JSON.stringify(index, null, 1)}\n`);
  }
}

function encodeMask(mask: Uint8Array, width: number, height: number): Promise<Buffer> {
  return sharp(mask, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png({ compressionLevel: 6 })
    .toBuffer();
}
