import { ImagingError } from '../errors/imaging-error.ts';
import { type Geometry, indexToWorld, type Vec3, voxelCount } from '../geometry/geometry.ts';
import type { Labelmap } from '../volume/labelmap.ts';
import type { Volume } from '../volume/volume.ts';
import { pasteVoxels } from './crop.ts';
import { emptyLike, type VoxelArray } from './voxel-array.ts';

/** Voxels to add before the first and after the last one of each axis. */
export interface Padding {
  readonly before: Vec3;
  readonly after: Vec3;
}

/**
 * The grid with voxels added around it: the old ones keep their place in the patient.
 * @throws ImagingError `value-invalid` unless the padding is whole numbers from 0
 */
export function padGeometry(geometry: Geometry, { before, after }: Padding): Geometry {
  if (![...before, ...after].every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ImagingError('value-invalid', 'A grid cannot be padded by this.', {
      found: `${before.join(', ')} before and ${after.join(', ')} after`,
      expected: 'whole numbers of voxels, 0 or more (crop takes voxels away)',
    });
  }
  return {
    ...geometry,
    size: geometry.size.map((n, axis) => before[axis]! + n + after[axis]!) as unknown as Vec3,
    origin: indexToWorld(geometry, before.map((n) => -n) as unknown as Vec3),
  };
}

/** A larger volume, filled with `value` around a copy of the old voxels. */
export function padVolume(volume: Volume, padding: Padding, value: number): Volume {
  const geometry = padGeometry(volume.geometry, padding);
  return { geometry, voxels: padVoxels(volume.voxels, volume.geometry.size, geometry, padding, value) };
}

/** A larger labelmap, filled with `value` (background) around a copy of the old labels. */
export function padLabelmap(labelmap: Labelmap, padding: Padding, value = 0): Labelmap {
  const geometry = padGeometry(labelmap.geometry, padding);
  const voxels = padVoxels(labelmap.voxels, labelmap.geometry.size, geometry, padding, value);
  return { ...labelmap, geometry, voxels };
}

function padVoxels<T extends VoxelArray>(
  voxels: T,
  size: Vec3,
  padded: Geometry,
  { before }: Padding,
  value: number,
): T {
  const output = emptyLike(voxels, voxelCount(padded));
  output.fill(value);
  const end: Vec3 = [before[0] + size[0], before[1] + size[1], before[2] + size[2]];
  pasteVoxels(output, padded.size, { start: before, end }, voxels);
  return output;
}
