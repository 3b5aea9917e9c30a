import { type Geometry, voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { connectedComponents } from '@glisson/imaging/process/components';
import type { PatchPostprocess } from '../plan/patch-plan.ts';
import type { CleaningFacts } from './clean-labels.ts';
import { boxOfLabels, forEachLine, maskInBox } from './label-box.ts';

const liverValue = 1;
const lesionValue = 2;

/**
 * Applies a patch plan's rules to raw labels (2 for lesion), in place: lesions under `minLesionMl` go, and, where the liver
 * is known and the plan says so, lesions that neither reach into it nor touch it. What is no lesion becomes liver in the
 * liver, and background elsewhere.
 * Components join over faces, edges and corners (26 neighbours).
 * @param liver anything but 0 in the liver, lesions included, on the same grid; undefined where it is not known
 */
export function cleanPatchLabels(
  voxels: Uint8Array,
  geometry: Geometry,
  rules: PatchPostprocess,
  liver: Uint8Array | undefined,
): CleaningFacts {
  const { size } = geometry;
  const voxelMl = voxelVolumeMm3(geometry) / 1000;
  const box = boxOfLabels(voxels, size, lesionValue);
  let droppedLesions = 0;
  if (box !== undefined) {
    const { labels, count, sizes } = connectedComponents(
      maskInBox(voxels, size, box, lesionValue),
      box.size,
      26,
    );
    const touchesLiver = new Uint8Array(count + 1);
    if (liver !== undefined) {
      forEachLine(size, box, (from, to, length) => {
        for (let i = 0; i < length; i++) {
          if (labels[to + i]! > 0 && isInOrBeside(liver, size, from + i)) touchesLiver[labels[to + i]!] = 1;
        }
      });
    }
    const goes = Array.from({ length: count + 1 }, (_, c) => {
      const isOutside = liver !== undefined && rules.lesionsInLiverOnly && touchesLiver[c] === 0;
      return c > 0 && (isOutside || sizes[c]! * voxelMl < rules.minLesionMl);
    });
    droppedLesions = goes.filter(Boolean).length;
    if (droppedLesions > 0) {
      forEachLine(size, box, (from, to, length) => {
        for (let i = 0; i < length; i++) if (goes[labels[to + i]!]) voxels[from + i] = 0;
      });
    }
  }
  let liverVoxels = 0;
  for (let i = 0; i < voxels.length; i++) {
    if (liver !== undefined && voxels[i] !== lesionValue) voxels[i] = liver[i] === 0 ? 0 : liverValue;
    if (voxels[i] !== 0) liverVoxels++;
  }
  return {
    liverFound: liver !== undefined && liverVoxels > 0,
    liverMl: liverVoxels * voxelMl,
    droppedLesions,
  };
}

/** Whether a voxel or a face neighbour of it is not 0. */
function isInOrBeside(
  mask: Uint8Array,
  [width, height, depth]: readonly [number, number, number],
  at: number,
): boolean {
  const x = at % width;
  const y = Math.floor(at / width) % height;
  const z = Math.floor(at / (width * height));
  return (
    mask[at] !== 0 ||
    (x > 0 && mask[at - 1] !== 0) ||
    (x < width - 1 && mask[at + 1] !== 0) ||
    (y > 0 && mask[at - width] !== 0) ||
    (y < height - 1 && mask[at + width] !== 0) ||
    (z > 0 && mask[at - width * height] !== 0) ||
    (z < depth - 1 && mask[at + width * height] !== 0)
  );
}
