import { ImagingError } from '../errors/imaging-error.ts';
import { type Geometry, voxelCount } from '../geometry/geometry.ts';

/** Voxel arrays of a CT: Int16 where every value is a whole number of HU in range, else Float32. */
export type VolumeVoxels = Int16Array | Float32Array;

/** A scan on its grid, in Hounsfield units (or the image's own units when it is no CT). */
export interface Volume {
  readonly geometry: Geometry;
  /** x fastest, then y, then z. */
  readonly voxels: VolumeVoxels;
}

/** Puts voxels on a grid. Does not copy. @throws ImagingError `value-invalid` when the lengths differ. */
export function createVolume(geometry: Geometry, voxels: VolumeVoxels): Volume {
  if (voxels.length !== voxelCount(geometry)) {
    throw new ImagingError('value-invalid', 'The number of voxels does not fit the grid.', {
      found: `${voxels.length} voxels`,
      expected: `${geometry.size.join(' x ')} = ${voxelCount(geometry)}`,
    });
  }
  return { geometry, voxels };
}
