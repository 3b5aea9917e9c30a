import { type Geometry, indexToWorld, type Vec3 } from '../geometry/geometry.ts';
import type { Labelmap } from '../volume/labelmap.ts';
import type { Volume } from '../volume/volume.ts';
import { assertBoxOnGrid, boxSize, type IndexBox } from './index-box.ts';
import { emptyLike, type VoxelArray } from './voxel-array.ts';

/** The grid of a box of voxels: every voxel keeps its place in the patient. */
export function cropGeometry(geometry: Geometry, box: IndexBox): Geometry {
  assertBoxOnGrid(box, geometry.size);
  return { ...geometry, size: boxSize(box), origin: indexToWorld(geometry, box.start) };
}

/** The voxels of a box, copied. @throws ImagingError `value-invalid` unless the box lies on the grid */
export function cropVolume(volume: Volume, box: IndexBox): Volume {
  const geometry = cropGeometry(volume.geometry, box);
  return { geometry, voxels: cropVoxels(volume.voxels, volume.geometry.size, box) };
}

/** The labels of a box, copied. @throws ImagingError `value-invalid` unless the box lies on the grid */
export function cropLabelmap(labelmap: Labelmap, box: IndexBox): Labelmap {
  const geometry = cropGeometry(labelmap.geometry, box);
  return { ...labelmap, geometry, voxels: cropVoxels(labelmap.voxels, labelmap.geometry.size, box) };
}

/** The voxels of a box in a new array of the same type, x fastest. */
export function cropVoxels<T extends VoxelArray>(voxels: T, size: Vec3, box: IndexBox): T {
  assertBoxOnGrid(box, size);
  const [width, height, depth] = boxSize(box);
  const output = emptyLike(voxels, width * height * depth);
  let to = 0;
  for (let z = box.start[2]; z < box.end[2]; z++) {
    for (let y = box.start[1]; y < box.end[1]; y++) {
      const from = box.start[0] + size[0] * (y + size[1] * z);
      output.set(voxels.subarray(from, from + width), to);
      to += width;
    }
  }
  return output;
}

/** Writes the voxels of a box back into the grid it was cropped from. Changes `voxels`. */
export function pasteVoxels<T extends VoxelArray>(voxels: T, size: Vec3, box: IndexBox, content: T): void {
  assertBoxOnGrid(box, size);
  const [width] = boxSize(box);
  let from = 0;
  for (let z = box.start[2]; z < box.end[2]; z++) {
    for (let y = box.start[1]; y < box.end[1]; y++) {
      voxels.set(content.subarray(from, from + width), box.start[0] + size[0] * (y + size[1] * z));
      from += width;
    }
  }
}
