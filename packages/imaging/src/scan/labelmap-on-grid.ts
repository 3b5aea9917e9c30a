import { assertGeometriesAgree, type Geometry, geometriesAgree } from '../geometry/geometry.ts';
import { axisMapToLps, invertAxisMap, reorientGeometry, reorientLabelmap } from '../process/reorient.ts';
import type { Labelmap } from '../volume/labelmap.ts';

/**
 * The labelmap with its voxels in the order of `target`. Tools that convert DICOM to NIfTI often reverse the
 * rows or the slices: the same voxels at the same places, stored in another order. Such labels are reordered
 * without loss (a copy); labels already in order are returned as they are.
 * @param names of the target and of the labels, for the message
 * @throws ImagingError `geometry-mismatch` naming both grids when the voxels lie at other places
 */
export function labelmapOnGrid(
  labelmap: Labelmap,
  target: Geometry,
  names: readonly [string, string],
): Labelmap {
  if (geometriesAgree(target, labelmap.geometry)) return labelmap;
  const toLps = axisMapToLps(labelmap.geometry);
  const fromLps = invertAxisMap(axisMapToLps(target));
  const reordered = reorientGeometry(reorientGeometry(labelmap.geometry, toLps), fromLps);
  if (geometriesAgree(target, reordered)) return reorientLabelmap(reorientLabelmap(labelmap, toLps), fromLps);
  // Names the grids as they are in the files, which is what a person can look up.
  assertGeometriesAgree(target, labelmap.geometry, names);
  return labelmap;
}
