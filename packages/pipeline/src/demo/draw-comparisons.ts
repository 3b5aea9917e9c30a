import { windowToBytes } from '@glisson/imaging/process/window';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';
import { outlinePath } from '../report/outline.ts';

/** One slice as three pictures beside each other: CT with outlines, predicted lesion mask, true lesion mask. */
export interface Comparison {
  readonly slice: number;
  readonly width: number;
  readonly height: number;
  readonly png: Buffer;
}

/** Also in the page's legend. */
export const comparisonColours = { liver: '#60c8ff', lesion: '#ff5050', truth: '#ffd60a' } as const;

const windowHU = { low: -160, high: 240 } as const;
const panelPixels = 384;

/** Slices with the most true lesion voxels, at least `apart` slices from each other, in order of position. */
export function pickSlices(truth: Labelmap, count: number, apart: number): number[] {
  const [width, height, depth] = truth.geometry.size;
  const area = new Array<number>(depth).fill(0);
  for (let k = 0; k < depth; k++) {
    for (let i = k * width * height; i < (k + 1) * width * height; i++) if (truth.voxels[i] === 2) area[k]!++;
  }
  const order = area.map((_, k) => k).sort((a, b) => area[b]! - area[a]! || a - b);
  const picked: number[] = [];
  for (const k of order) {
    if (picked.length === count || area[k] === 0) break;
    if (picked.every((other) => Math.abs(other - k) >= apart)) picked.push(k);
  }
  return picked.sort((a, b) => a - b);
}

/**
 * Draws the slices that say most about a prediction, on the grid that all three share, magnified by a whole
 * factor. Slices are taken as stored: k along the third axis, rows downwards.
 */
export async function drawComparisons(
  volume: Volume,
  prediction: Labelmap,
  truth: Labelmap,
  count = 4,
): Promise<Comparison[]> {
  const [width, height] = volume.geometry.size;
  const zoom = Math.max(1, Math.round(panelPixels / width));
  const drawn: Comparison[] = [];
  for (const slice of pickSlices(truth, count, 3)) {
    const range = [slice * width * height, (slice + 1) * width * height] as const;
    const grey = windowToBytes(volume.voxels.subarray(...range), windowHU);
    const predicted = prediction.voxels.subarray(...range);
    const real = truth.voxels.subarray(...range);

    const panels = new Uint8Array(width * 3 * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = y * width + x;
        const to = y * width * 3 + x;
        panels[to] = grey[from]!;
        panels[to + width] = predicted[from] === 2 ? 255 : 0;
        panels[to + 2 * width] = real[from] === 2 ? 255 : 0;
      }
    }
    const path = (labels: Uint8Array, least: number, colour: string) =>
      `<path d="${outlinePath(width, height, (i) => labels[i]! >= least)}" stroke="${colour}"/>`;
    const size = { width: width * 3 * zoom, height: height * zoom };
    const outlines =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}">` +
      `<g fill="none" stroke-width="${1.5 / zoom}" transform="scale(${zoom})">` +
      path(predicted, 1, comparisonColours.liver) +
      path(real, 2, comparisonColours.truth) +
      path(predicted, 2, comparisonColours.lesion) +
      '</g></svg>';
    const png = await sharp(panels, { raw: { width: width * 3, height, channels: 1 } })
      .resize({ ...size, kernel: 'nearest' })
      .toColourspace('srgb')
      .composite([{ input: Buffer.from(outlines) }])
      .png({ compressionLevel: 9 })
      .toBuffer();
    drawn.push({ slice, ...size, png });
  }
  return drawn;
}
