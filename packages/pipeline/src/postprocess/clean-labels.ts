import { type Geometry, type Vec3, voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { connectedComponents } from '@glisson/imaging/process/components';
import { fillHoles } from '@glisson/imaging/process/fill-holes';
import type { PostprocessPlan } from '../plan/plan.ts';
import { boxOfLabels, forEachLine, maskInBox, type VoxelBox } from './label-box.ts';

const background = 0;
const liver = 1;
const lesion = 2;

/** What the rules of the plan changed. */
export interface CleaningFacts {
  /** Whether a liver of at least `minLiverMl` is left; without one everything is background. */
  readonly liverFound: boolean;
  /** Liver volume before a too small liver was dropped, lesions included. */
  readonly liverMl: number;
  readonly droppedLesions: number;
}

/**
 * Applies the plan's rules to raw labels (0 background, 1 liver, 2 lesion), in place, in this order:
 * 1. keep the largest component of liver and lesion together (`largestLiverOnly`), and drop components that are
 *    all lesion (`lesionsInLiverOnly`); 2. fill holes slice by slice (`fillLiverHoles`); 3. no liver of at least
 *    `minLiverMl`: everything becomes background; 4. lesions under `minLesionMl` become liver.
 * Components join over faces, edges and corners (26 neighbours). Equal sizes: the one with the lower first voxel.
 * @param voxels on `geometry`, axial slices along its third axis (LPS order)
 */
export function cleanLabels(voxels: Uint8Array, geometry: Geometry, rules: PostprocessPlan): CleaningFacts {
  const voxelMl = voxelVolumeMm3(geometry) / 1000;
  const { size } = geometry;
  let box = boxOfLabels(voxels, size, liver);
  if (box !== undefined) dropComponents(voxels, size, box, rules);
  box = boxOfLabels(voxels, size, liver);
  if (box === undefined) return { liverFound: false, liverMl: 0, droppedLesions: 0 };
  if (rules.fillLiverHoles) fillLiverHoles(voxels, size, box);
  let count = 0;
  forEachLine(size, box, (from, _to, length) => {
    for (let i = from; i < from + length; i++) if (voxels[i]! >= liver) count++;
  });
  const liverMl = count * voxelMl;
  if (liverMl < rules.minLiverMl) {
    voxels.fill(background);
    return { liverFound: false, liverMl, droppedLesions: 0 };
  }
  const droppedLesions = dropSmallLesions(voxels, size, rules.minLesionMl / voxelMl);
  return { liverFound: true, liverMl, droppedLesions };
}

function dropComponents(voxels: Uint8Array, size: Vec3, box: VoxelBox, rules: PostprocessPlan): void {
  if (!rules.largestLiverOnly && !rules.lesionsInLiverOnly) return;
  const mask = maskInBox(voxels, size, box, liver);
  const { labels, count, sizes } = connectedComponents(mask, box.size, 26);
  const keep = new Uint8Array(count + 1).fill(1);
  keep[0] = 0;
  if (rules.lesionsInLiverOnly) {
    const holdsLiver = new Uint8Array(count + 1);
    forEachLine(size, box, (from, to, length) => {
      for (let i = 0; i < length; i++) if (voxels[from + i] === liver) holdsLiver[labels[to + i]!] = 1;
    });
    for (let c = 1; c <= count; c++) keep[c] = holdsLiver[c]!;
  }
  if (rules.largestLiverOnly) {
    let largest = 0;
    for (let c = 1; c <= count; c++) {
      if (keep[c] === 1 && (largest === 0 || sizes[c]! > sizes[largest]!)) largest = c;
    }
    for (let c = 1; c <= count; c++) if (c !== largest) keep[c] = 0;
  }
  forEachLine(size, box, (from, to, length) => {
    for (let i = 0; i < length; i++) if (keep[labels[to + i]!] === 0) voxels[from + i] = background;
  });
}

function fillLiverHoles(voxels: Uint8Array, size: Vec3, box: VoxelBox): void {
  const filled = fillHoles(maskInBox(voxels, size, box, liver), box.size);
  forEachLine(size, box, (from, to, length) => {
    for (let i = 0; i < length; i++) {
      if (filled[to + i] === 1 && voxels[from + i] === background) voxels[from + i] = liver;
    }
  });
}

function dropSmallLesions(voxels: Uint8Array, size: Vec3, smallest: number): number {
  const box = boxOfLabels(voxels, size, lesion);
  if (box === undefined || smallest <= 0) return 0;
  const { labels, count, sizes } = connectedComponents(maskInBox(voxels, size, box, lesion), box.size, 26);
  const isSmall = Array.from({ length: count + 1 }, (_, c) => c > 0 && sizes[c]! < smallest);
  const dropped = isSmall.filter(Boolean).length;
  if (dropped === 0) return 0;
  forEachLine(size, box, (from, to, length) => {
    for (let i = 0; i < length; i++) if (isSmall[labels[to + i]!]) voxels[from + i] = liver;
  });
  return dropped;
}
