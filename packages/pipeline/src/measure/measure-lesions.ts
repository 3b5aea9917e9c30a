import { type Geometry, indexToWorld, type Vec3, voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { connectedComponents } from '@glisson/imaging/process/components';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { boxOfLabels, forEachLine, maskInBox } from '../postprocess/label-box.ts';
import { maximumFeret, type PixelPoint, type PixelRow } from './feret.ts';
import { sliceNumber } from './slice-number.ts';

/** One lesion: voxels of label 2 that touch over faces, edges or corners (26 neighbours). */
export interface Lesion {
  /** From 1, largest first; equal volumes in the order of their first voxel. */
  readonly id: number;
  readonly voxels: number;
  readonly volumeMl: number;
  /** Longest diameter within one source slice, between outer corners of pixels (maximum Feret), mm. */
  readonly longestDiameterMm: number;
  /** Slice number and ends of that diameter, in pixels of the source slice (pixel centres are whole numbers). */
  readonly diameter: { readonly slice: number; readonly ends: readonly [PixelPoint, PixelPoint] };
  /** Mean and standard deviation (of all voxels: divided by n) in HU. */
  readonly meanHU: number;
  readonly sdHU: number;
  /** Centre of mass of the voxel centres, LPS mm. */
  readonly centroidLps: Vec3;
  /** First and last slice number: see `sliceNumber`. */
  readonly slices: readonly [number, number];
  /** Mean lesion probability of its voxels, 0 to 1; null when none is known. */
  readonly confidence: number | null;
}

/** What is measured in one labelled scan. */
export interface LesionMeasures {
  /** Liver with its lesions. */
  readonly liverMl: number;
  readonly lesionMl: number;
  /** Lesion volume / liver volume (lesions included); 0 without liver. */
  readonly tumourBurden: number;
  readonly lesions: readonly Lesion[];
}

/** Lesion probability, 0 to 1, of voxel (i, j, k) of the labelmap's grid. */
export type ProbabilityOf = (i: number, j: number, k: number) => number;

/**
 * Measures liver (label 1 and 2) and each lesion (label 2) on the scan's own voxels. "In plane" is the plane of
 * the slices as they were acquired. Pieces of one lesion in the same slice are measured across.
 * @param volume HU on the labelmap's grid
 */
export function measureLesions(
  volume: Volume,
  labelmap: Labelmap,
  probabilityOf?: ProbabilityOf,
): LesionMeasures {
  const { geometry, voxels } = labelmap;
  const voxelMl = voxelVolumeMm3(geometry) / 1000;
  let liverVoxels = 0;
  let lesionVoxels = 0;
  for (let i = 0; i < voxels.length; i++) {
    if (voxels[i]! >= 1) liverVoxels++;
    if (voxels[i] === 2) lesionVoxels++;
  }
  return {
    liverMl: liverVoxels * voxelMl,
    lesionMl: lesionVoxels * voxelMl,
    tumourBurden: liverVoxels === 0 ? 0 : lesionVoxels / liverVoxels,
    lesions: lesionVoxels === 0 ? [] : findLesions(volume, labelmap, probabilityOf),
  };
}

/** Running sums over the voxels of one lesion. */
interface Tally {
  count: number;
  sum: number;
  squares: number;
  readonly index: [number, number, number];
  probability: number;
  /** Outermost pixels of each row, by slice k. */
  readonly rows: Map<number, PixelRow[]>;
}

function findLesions(
  volume: Volume,
  { geometry, voxels }: Labelmap,
  probabilityOf?: ProbabilityOf,
): Lesion[] {
  const { size } = geometry;
  const box = boxOfLabels(voxels, size, 2)!;
  const { labels, count } = connectedComponents(maskInBox(voxels, size, box, 2), box.size, 26);
  const tallies = Array.from(
    { length: count },
    (): Tally => ({ count: 0, sum: 0, squares: 0, index: [0, 0, 0], probability: 0, rows: new Map() }),
  );
  forEachLine(size, box, (from, to, length, k, j) => {
    for (let n = 0; n < length; n++) {
      const component = labels[to + n]!;
      if (component === 0) continue;
      const tally = tallies[component - 1]!;
      const i = box.first[0] + n;
      // Sums about 0 HU lose nothing: |HU| < 2^15 and fewer than 2^20 voxels a lesion stay exact in a double.
      const hu = volume.voxels[from + n]!;
      tally.count++;
      tally.sum += hu;
      tally.squares += hu * hu;
      tally.index[0] += i;
      tally.index[1] += j;
      tally.index[2] += k;
      if (probabilityOf !== undefined) tally.probability += probabilityOf(i, j, k);
      noteRow(tally, i, j, k);
    }
  });
  const order = tallies.map((_, n) => n).sort((a, b) => tallies[b]!.count - tallies[a]!.count || a - b);
  return order.map((n, rank) => describe(tallies[n]!, rank + 1, geometry, probabilityOf !== undefined));
}

function noteRow(tally: Tally, i: number, j: number, k: number): void {
  const rows = tally.rows.get(k);
  if (rows === undefined) {
    tally.rows.set(k, [{ j, first: i, last: i }]);
    return;
  }
  const row = rows.at(-1)!;
  if (row.j === j) rows[rows.length - 1] = { j, first: row.first, last: i };
  else rows.push({ j, first: i, last: i });
}

function describe(tally: Tally, id: number, geometry: Geometry, hasProbability: boolean): Lesion {
  const mean = tally.sum / tally.count;
  const spacing: [number, number] = [geometry.spacing[0], geometry.spacing[1]];
  const ferets = [...tally.rows].map(([k, rows]) => ({ k, ...maximumFeret(rows, spacing) }));
  const longest = ferets.reduce((best, feret) => (feret.mm > best.mm ? feret : best));
  const numbers = ferets.map(({ k }) => sliceNumber(geometry, k));
  const index = tally.index.map((total) => total / tally.count) as unknown as Vec3;
  return {
    id,
    voxels: tally.count,
    volumeMl: (tally.count * voxelVolumeMm3(geometry)) / 1000,
    longestDiameterMm: longest.mm,
    diameter: { slice: sliceNumber(geometry, longest.k), ends: longest.ends },
    meanHU: mean,
    sdHU: Math.sqrt(Math.max(0, tally.squares / tally.count - mean * mean)),
    centroidLps: indexToWorld(geometry, index),
    slices: [Math.min(...numbers), Math.max(...numbers)],
    confidence: hasProbability ? tally.probability / tally.count : null,
  };
}
