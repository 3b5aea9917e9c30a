import { axisVector, type Geometry } from '@glisson/imaging/geometry/geometry';

/** The patient axis nearest to the slice normal, along which slices are numbered: 0 left, 1 posterior, 2 superior. */
export function numberingAxis(geometry: Geometry): 0 | 1 | 2 {
  const sizes = axisVector(geometry, 2).map(Math.abs);
  return sizes.indexOf(Math.max(...sizes)) as 0 | 1 | 2;
}

/**
 * Whether slice numbers fall as the index k rises. Slices are numbered from 1 at the lowest position along the
 * patient axis nearest to the slice normal: toward left, posterior or superior. So slice 1 of an axial scan is
 * its lowest, whatever the order of its files.
 */
export function slicesAreReversed(geometry: Geometry): boolean {
  return axisVector(geometry, 2)[numberingAxis(geometry)] < 0;
}

/** Number (from 1) of slice index k; its own inverse up to the shift by one: see `sliceIndex`. */
export function sliceNumber(geometry: Geometry, k: number): number {
  return slicesAreReversed(geometry) ? geometry.size[2] - k : k + 1;
}

/** Slice index k of a slice number. */
export function sliceIndex(geometry: Geometry, number: number): number {
  return slicesAreReversed(geometry) ? geometry.size[2] - number : number - 1;
}
