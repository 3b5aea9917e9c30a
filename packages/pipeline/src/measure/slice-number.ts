import { axisVector, type Geometry } from '@glisson/imaging/geometry/geometry';

/**
 * Whether slice numbers fall as the index k rises. Slices are numbered from 1 at the lowest position along the
 * patient axis nearest to the slice normal: toward left, posterior or superior. So slice 1 of an axial scan is
 * its lowest, whatever the order of its files.
 */
export function slicesAreReversed(geometry: Geometry): boolean {
  const normal = axisVector(geometry, 2);
  const sizes = normal.map(Math.abs);
  const nearest = sizes.indexOf(Math.max(...sizes));
  return normal[nearest]! < 0;
}

/** Number (from 1) of slice index k; its own inverse up to the shift by one: see `sliceIndex`. */
export function sliceNumber(geometry: Geometry, k: number): number {
  return slicesAreReversed(geometry) ? geometry.size[2] - k : k + 1;
}

/** Slice index k of a slice number. */
export function sliceIndex(geometry: Geometry, number: number): number {
  return slicesAreReversed(geometry) ? geometry.size[2] - number : number - 1;
}
