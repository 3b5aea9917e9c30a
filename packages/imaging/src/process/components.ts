import type { Vec3 } from '../geometry/geometry.ts';
import { type Connectivity, forEachRun, labelRuns } from './runs.ts';

export interface Components {
  /** Component of every voxel, 0 for background; numbered from 1 in the order of first voxels (x fastest). */
  readonly labels: Int32Array;
  readonly count: number;
  /** Voxels of each component; index 0 is the background. */
  readonly sizes: number[];
}

/**
 * Connected components of the non-zero voxels of a mask (x fastest) of `size`.
 * Allocates 4 bytes a voxel for the labels; where the labels are not needed voxel by voxel,
 * `keepComponents` does without.
 * @throws ImagingError `value-invalid` when mask and size do not fit
 */
export function connectedComponents(mask: Uint8Array, size: Vec3, connectivity: Connectivity): Components {
  const runs = labelRuns(mask, size, connectivity);
  const labels = new Int32Array(mask.length);
  forEachRun(runs, size, (from, to, label) => labels.fill(label, from, to));
  return { labels, count: runs.count, sizes: runs.sizes };
}

/**
 * A new mask (0 or 1) of the components for which `keep` is true; `keep` gets each component's number of voxels
 * and its number, from 1 in the order of first voxels.
 * @throws ImagingError `value-invalid` when mask and size do not fit
 */
export function keepComponents(
  mask: Uint8Array,
  size: Vec3,
  connectivity: Connectivity,
  keep: (voxels: number, component: number) => boolean,
): Uint8Array {
  const runs = labelRuns(mask, size, connectivity);
  const kept = runs.sizes.map((voxels, component) => component > 0 && keep(voxels, component));
  const output = new Uint8Array(mask.length);
  forEachRun(runs, size, (from, to, label) => {
    if (kept[label]) output.fill(1, from, to);
  });
  return output;
}

/**
 * A new mask (0 or 1) of the largest component; of equals the one whose first voxel comes first.
 * An empty mask stays empty.
 * @throws ImagingError `value-invalid` when mask and size do not fit
 */
export function largestComponent(mask: Uint8Array, size: Vec3, connectivity: Connectivity): Uint8Array {
  const runs = labelRuns(mask, size, connectivity);
  let largest = 1;
  for (let c = 2; c <= runs.count; c++) if (runs.sizes[c]! > runs.sizes[largest]!) largest = c;
  const output = new Uint8Array(mask.length);
  forEachRun(runs, size, (from, to, label) => {
    if (label === largest) output.fill(1, from, to);
  });
  return output;
}
