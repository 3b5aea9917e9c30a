import { type Geometry, type Vec3, voxelCount } from '../geometry/geometry.ts';
import { cropGeometry, cropVoxels, pasteVoxels } from './crop.ts';
import { squaredDistances } from './distance.ts';
import { boundingBox, growBox } from './index-box.ts';
import { assertMaskFits } from './voxel-array.ts';

/** Distances this much above the radius still count as within it: spacings are rarely exact. */
const slack = 1 + 1e-5;

/**
 * A new mask (0 or 1) of all voxels whose centre lies within `mm` of the centre of a mask voxel.
 * Works on the mask's surroundings only, 4 bytes a voxel of them.
 * @throws ImagingError `value-invalid` when mask and grid do not fit
 */
export function dilate(mask: Uint8Array, geometry: Geometry, mm: number): Uint8Array {
  const box = boundingBox(mask, geometry.size);
  const output = new Uint8Array(voxelCount(geometry));
  if (box === undefined) return output;
  const around = growBox(box, geometry, mm);
  const part = cropVoxels(mask, geometry.size, around);
  const squared = squaredDistances(part, cropGeometry(geometry, around), true);
  const limit = mm * mm * slack;
  for (let i = 0; i < part.length; i++) part[i] = squared[i]! <= limit ? 1 : 0;
  pasteVoxels(output, geometry.size, around, part);
  return output;
}

/**
 * A new mask (0 or 1) of the mask voxels that are farther than `mm` from every voxel outside the mask.
 * Beyond the grid nothing is known, so its border does not erode.
 * Works on the mask's surroundings only, 4 bytes a voxel of them.
 * @throws ImagingError `value-invalid` when mask and grid do not fit
 */
export function erode(mask: Uint8Array, geometry: Geometry, mm: number): Uint8Array {
  const box = boundingBox(mask, geometry.size);
  const output = new Uint8Array(voxelCount(geometry));
  if (box === undefined) return output;
  // One voxel of surroundings is as good as all of them: the way out of the mask leads through it.
  const around = growBox(box, geometry, Math.max(...geometry.spacing));
  const part = cropVoxels(mask, geometry.size, around);
  const squared = squaredDistances(part, cropGeometry(geometry, around), false);
  const limit = mm * mm * slack;
  for (let i = 0; i < part.length; i++) part[i] = part[i] !== 0 && squared[i]! > limit ? 1 : 0;
  pasteVoxels(output, geometry.size, around, part);
  return output;
}

/** Erosion, then dilation: takes away what is thinner than twice `mm`. */
export function openMask(mask: Uint8Array, geometry: Geometry, mm: number): Uint8Array {
  return dilate(erode(mask, geometry, mm), geometry, mm);
}

/** Dilation, then erosion: closes gaps narrower than twice `mm`. */
export function closeMask(mask: Uint8Array, geometry: Geometry, mm: number): Uint8Array {
  return erode(dilate(mask, geometry, mm), geometry, mm);
}

/**
 * A new mask (0 or 1) of the mask voxels whose six face neighbours are all in the mask; beyond the grid
 * counts as in it.
 * @throws ImagingError `value-invalid` when mask and size do not fit
 */
export function erodeByFaces(mask: Uint8Array, size: Vec3): Uint8Array {
  assertMaskFits(mask, size);
  const [width, height, depth] = size;
  const plane = width * height;
  const output = new Uint8Array(mask.length);
  for (let z = 0, at = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        if (mask[at] === 0) continue;
        const open =
          (x > 0 && mask[at - 1] === 0) ||
          (x < width - 1 && mask[at + 1] === 0) ||
          (y > 0 && mask[at - width] === 0) ||
          (y < height - 1 && mask[at + width] === 0) ||
          (z > 0 && mask[at - plane] === 0) ||
          (z < depth - 1 && mask[at + plane] === 0);
        if (!open) output[at] = 1;
      }
    }
  }
  return output;
}
