import { type Geometry, voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { connectedComponents } from '@glisson/imaging/process/components';
import type { PatchPostprocess } from '../plan/patch-plan.ts';
import type { CleaningFacts } from './clean-labels.ts';
import { boxOfLabels, forEachLine, maskInBox } from './label-box.ts';

/**
 * Applies a patch plan's rules to raw labels (0 nothing, 1 known liver, 2 lesion), in place: lesions under `minLesionMl`
 * go, and, where the liver is known and the plan says so, lesions that do not touch it. What goes becomes background
 * where no liver is known, and otherwise liver if it touches the liver.
 * Components join over faces, edges and corners (26 neighbours).
 */
export function cleanPatchLabels(
  voxels: Uint8Array,
  geometry: Geometry,
  rules: PatchPostprocess,
  isLiverKnown: boolean,
): CleaningFacts {
  const { size } = geometry;
  const voxelMl = voxelVolumeMm3(geometry) / 1000;
  const box = boxOfLabels(voxels, size, 2);
  let droppedLesions = 0;
  if (box !== undefined) {
    const { labels, count, sizes } = connectedComponents(maskInBox(voxels, size, box, 2), box.size, 26);
    const touchesLiver = new Uint8Array(count + 1);
    if (isLiverKnown) {
      forEachLine(size, box, (from, to, length) => {
        for (let i = 0; i < length; i++) {
          if (labels[to + i]! > 0 && hasLiverNeighbour(voxels, size, from + i))
            touchesLiver[labels[to + i]!] = 1;
        }
      });
    }
    const goes = Array.from({ length: count + 1 }, (_, c) => {
      const isOutside = isLiverKnown && rules.lesionsInLiverOnly && touchesLiver[c] === 0;
      return c > 0 && (isOutside || sizes[c]! * voxelMl < rules.minLesionMl);
    });
    droppedLesions = goes.filter(Boolean).length;
    if (droppedLesions > 0) {
      forEachLine(size, box, (from, to, length) => {
        for (let i = 0; i < length; i++) {
          if (goes[labels[to + i]!]) voxels[from + i] = touchesLiver[labels[to + i]!]!;
        }
      });
    }
  }
  let liverVoxels = 0;
  for (let i = 0; i < voxels.length; i++) if (voxels[i] !== 0) liverVoxels++;
  return { liverFound: isLiverKnown && liverVoxels > 0, liverMl: liverVoxels * voxelMl, droppedLesions };
}

/** Whether a face neighbour of a voxel is labelled liver. */
function hasLiverNeighbour(
  voxels: Uint8Array,
  [width, height, depth]: readonly [number, number, number],
  at: number,
): boolean {
  const x = at % width;
  const y = Math.floor(at / width) % height;
  const z = Math.floor(at / (width * height));
  return (
    (x > 0 && voxels[at - 1] === 1) ||
    (x < width - 1 && voxels[at + 1] === 1) ||
    (y > 0 && voxels[at - width] === 1) ||
    (y < height - 1 && voxels[at + width] === 1) ||
    (z > 0 && voxels[at - width * height] === 1) ||
    (z < depth - 1 && voxels[at + width * height] === 1)
  );
}
