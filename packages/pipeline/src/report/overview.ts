import { windowToBytes } from '@glisson/imaging/process/window';
import type { Volume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';
import { sliceIndex } from '../measure/slice-number.ts';
import type { Segmentation } from '../predict/segmentation.ts';
import { outlinePath } from './outline.ts';
import { colours } from './palette.ts';
import { reportWindow } from './render-slices.ts';
import { createSliceView, type SliceView, slicePositionMm } from './slice-view.ts';
import { strokeText } from './stroke-text.ts';

const mostTiles = 12;
const columnsAtMost = 4;
const tileWidth = 396;
const gap = 8;
const header = 96;
const footer = 40;
const narrowest = 3 * tileWidth;

/** One slice of the sheet, in the radiological view. */
interface Tile {
  readonly number: number;
  readonly grey: Uint8Array;
  readonly labels: Uint8Array;
}

/** Part of the view that the tiles show, in pixels. */
interface Crop {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Draws the contact sheet: slices spread over the liver, with the largest sections of the largest lesions,
 * head first, in the radiological view; liver and lesions outlined along pixel edges. Returns a PNG.
 */
export async function drawOverview(
  volume: Volume,
  segmentation: Segmentation,
  title: string,
): Promise<Buffer> {
  const view = createSliceView(volume.geometry);
  const tiles = chooseSlices(segmentation)
    .sort((a, b) => b - a)
    .map((number) => cutTile(volume, segmentation, view, number));
  const crop = bodyCrop(tiles, view);
  const columns = Math.min(columnsAtMost, tiles.length);
  const rows = Math.ceil(tiles.length / columns);
  const tileHeight = Math.min(
    2 * tileWidth,
    Math.max(64, Math.round((tileWidth * crop.height * view.pixelMm[1]) / (crop.width * view.pixelMm[0]))),
  );
  const width = Math.max(narrowest, columns * (tileWidth + gap) + gap);
  const height = header + rows * (tileHeight + gap) + footer;
  const place = (n: number) => ({
    left: gap + (n % columns) * (tileWidth + gap),
    top: header + Math.floor(n / columns) * (tileHeight + gap),
  });
  const pictures = await Promise.all(
    tiles.map(async ({ grey }, n) => ({
      input: await sharp(grey, { raw: { width: view.width, height: view.height, channels: 1 } })
        .extract(crop)
        .resize(tileWidth, tileHeight, { fit: 'fill', kernel: 'cubic' })
        .toColourspace('srgb')
        .png({ compressionLevel: 1 })
        .toBuffer(),
      ...place(n),
    })),
  );
  const drawing = tiles.map((tile, n) => drawTile(tile, place(n), crop, tileHeight, volume, view)).join('');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${drawing}${drawFrame(segmentation, title, width, height)}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: colours.background } })
    .composite([...pictures, { input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha()
    .png({ compressionLevel: 6 })
    .toBuffer();
}

function chooseSlices({ labelmap, lesions }: Segmentation): number[] {
  const { geometry, voxels } = labelmap;
  const depth = geometry.size[2];
  const area = geometry.size[0] * geometry.size[1];
  const withLiver: number[] = [];
  for (let number = 1; number <= depth; number++) {
    const k = sliceIndex(geometry, number);
    if (voxels.subarray(k * area, (k + 1) * area).some((value) => value > 0)) withLiver.push(number);
  }
  const first = withLiver[0] ?? 1;
  const last = withLiver.at(-1) ?? depth;
  const chosen = new Set(lesions.slice(0, 4).map((lesion) => lesion.diameter.slice));
  const wanted = Math.min(mostTiles, last - first + 1);
  // Each further slice fills the widest gap; the ends count as halfway taken, since they show little liver.
  const step = (last - first + 1) / wanted / 2;
  while (chosen.size < wanted) {
    let best = first;
    let widest = -1;
    for (let number = first; number <= last; number++) {
      const ends = Math.min(number - first + step, last - number + step);
      const gap = Math.min(ends, ...[...chosen].map((taken) => Math.abs(taken - number)));
      if (gap > widest && !chosen.has(number)) {
        widest = gap;
        best = number;
      }
    }
    chosen.add(best);
  }
  return [...chosen];
}

function cutTile(volume: Volume, { labelmap }: Segmentation, view: SliceView, number: number): Tile {
  const k = sliceIndex(volume.geometry, number);
  const area = volume.geometry.size[0] * volume.geometry.size[1];
  const part = [k * area, (k + 1) * area] as const;
  return {
    number,
    grey: windowToBytes(view.turn(volume.voxels.subarray(...part)), reportWindow),
    labels: view.turn(labelmap.voxels.subarray(...part)),
  };
}

/** The rectangle outside of which all tiles are (nearly) black. */
function bodyCrop(tiles: readonly Tile[], { width, height }: SliceView): Crop {
  const columns = new Uint32Array(width);
  const rows = new Uint32Array(height);
  for (const { grey } of tiles) {
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        if (grey[at]! > 20) {
          columns[x]!++;
          rows[y]!++;
        }
      }
    }
  }
  const range = (counts: Uint32Array, across: number): [number, number] => {
    const enough = (count: number) => count > 0.02 * across * tiles.length;
    const first = counts.findIndex(enough);
    if (first < 0) return [0, counts.length];
    const margin = Math.round(counts.length * 0.02);
    return [Math.max(0, first - margin), Math.min(counts.length, counts.findLastIndex(enough) + 1 + margin)];
  };
  const [left, right] = range(columns, height);
  const [top, bottom] = range(rows, width);
  return { left, top, width: right - left, height: bottom - top };
}

function drawTile(
  { number, labels }: Tile,
  { left, top }: { left: number; top: number },
  crop: Crop,
  tileHeight: number,
  volume: Volume,
  view: SliceView,
): string {
  const scaleX = tileWidth / crop.width;
  const scaleY = tileHeight / crop.height;
  const move = `translate(${left} ${top}) scale(${scaleX} ${scaleY}) translate(${-crop.left} ${-crop.top})`;
  const outline = (least: number, colour: string) =>
    `<path transform="${move}" d="${outlinePath(view.width, view.height, (i) => labels[i]! >= least)}" fill="none" stroke="${colour}" stroke-width="1.6" vector-effect="non-scaling-stroke" stroke-linecap="square"/>`;
  const position = slicePositionMm(volume.geometry, sliceIndex(volume.geometry, number)).toFixed(1);
  return [
    outline(1, colours.liver),
    outline(2, colours.lesion),
    strokeText(`${number}`, left + 10, top + 24, 13, colours.text).svg,
    strokeText(`${position} mm`, left + 10, top + tileHeight - 10, 8, colours.faint).svg,
    strokeText(view.sides.left, left + 10, top + tileHeight / 2, 10, colours.faint).svg,
    strokeText(view.sides.right, left + tileWidth - 10, top + tileHeight / 2, 10, colours.faint, 'end').svg,
  ].join('');
}

function drawFrame(segmentation: Segmentation, title: string, width: number, height: number): string {
  const { lesions, liverMl, lesionMl, tumourBurden, warnings } = segmentation;
  const counted = `${lesions.length} lesion${lesions.length === 1 ? '' : 's'}`;
  const largest = lesions.reduce((most, lesion) => Math.max(most, lesion.longestDiameterMm), 0);
  const facts = [
    `Liver ${liverMl.toFixed(0)} ml`,
    lesions.length === 0
      ? counted
      : `${counted}, ${lesionMl.toFixed(1)} ml, longest ${largest.toFixed(1)} mm`,
    `Tumour burden ${(100 * tumourBurden).toFixed(1)} %`,
    ...(warnings.length > 0
      ? [`${warnings.length} warning${warnings.length === 1 ? '' : 's'}: see report`]
      : []),
  ].join('  ·  ');
  const liverKey = strokeText('liver', gap + 34, height - 15, 10, colours.text);
  const lesionLeft = gap + 34 + liverKey.width + 28;
  return [
    strokeText(title.slice(0, 48), gap + 2, 40, 20, colours.bright).svg,
    strokeText(facts, gap + 2, 74, 12, colours.text).svg,
    strokeText('Research use only, not a medical device', width - gap - 2, 38, 11, colours.caution, 'end')
      .svg,
    `<rect x="${gap + 2}" y="${height - 21}" width="22" height="3" fill="${colours.liver}"/>`,
    liverKey.svg,
    `<rect x="${lesionLeft}" y="${height - 21}" width="22" height="3" fill="${colours.lesion}"/>`,
    strokeText('lesion', lesionLeft + 32, height - 15, 10, colours.text).svg,
    strokeText(
      `window ${reportWindow.low} to ${reportWindow.high} HU`,
      width - gap - 2,
      height - 15,
      10,
      colours.faint,
      'end',
    ).svg,
  ].join('');
}
