import { ImagingError } from '../errors/imaging-error.ts';
import type { Vec3 } from '../geometry/geometry.ts';

/** Any array of voxels. */
export type VoxelArray = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array;

/**
 * A zero-filled array of the same type with another number of voxels.
 * @throws ImagingError `value-invalid` when there is no room for so many
 */
export function emptyLike<T extends VoxelArray>(voxels: T, length: number): T {
  try {
    return new (voxels.constructor as new (length: number) => T)(length);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ImagingError('value-invalid', 'The grid is too large for this machine.', {
      found: `${length} voxels of ${voxels.BYTES_PER_ELEMENT} bytes`,
      expected: 'a grid that fits into memory',
      advice: 'Choose a larger spacing or a smaller region.',
      cause: error,
    });
  }
}

/** @throws ImagingError `value-invalid` unless the mask has one value for each voxel of a grid of `size` */
export function assertMaskFits(mask: ArrayLike<number>, size: Vec3): void {
  const expected = size[0] * size[1] * size[2];
  if (mask.length === expected) return;
  throw new ImagingError('value-invalid', 'The mask does not fit its size.', {
    found: `${mask.length} voxels`,
    expected: `${size.join(' x ')} = ${expected}`,
  });
}
