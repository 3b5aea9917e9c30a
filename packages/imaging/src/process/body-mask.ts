import type { Vec3 } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { createLabelmap } from '../volume/labelmap.ts';
import type { Volume } from '../volume/volume.ts';
import { largestComponent } from './components.ts';
import { fillHoles } from './fill-holes.ts';
import { dilate, erode } from './morphology.ts';
import { axisMapToLps } from './reorient.ts';
import { resampleLabelmap, resampleVolume, withSpacing } from './resample.ts';

export interface BodyMaskOptions {
  /** HU that parts body from air, default -500; scans that were clipped above need a higher one. */
  readonly thresholdHU?: number;
  /** Voxel width of the grid on which the body is found, default 4 mm; finer axes only are coarsened. */
  readonly workingSpacingMm?: number;
  /** Things thinner than twice this (the table, sheets, tubes) do not hang together with the body, default 5 mm. */
  readonly tableMm?: number;
}

/**
 * The patient's body as a mask (0 or 1) on the volume's own grid: the largest thing denser than the threshold,
 * cut off from the table, with lungs and bowel gas filled in each axial slice. Empty when nothing is dense.
 * Its outline is as coarse as the working grid, so it fits to say where tissue is, not to measure it.
 * @throws ImagingError as `resampleVolume`
 */
export function bodyMask(
  volume: Volume,
  options: BodyMaskOptions = {},
  control: TaskControl = {},
): Uint8Array {
  const { thresholdHU = -500, workingSpacingMm = 4, tableMm = 5 } = options;
  const { geometry } = volume;
  const spacing = geometry.spacing.map((mm) => Math.max(mm, workingSpacingMm)) as unknown as Vec3;
  const coarse = resampleVolume(volume, withSpacing(geometry, spacing), {}, control);
  const { geometry: grid, voxels } = coarse;
  const dense = new Uint8Array(voxels.length);
  for (let i = 0; i < dense.length; i++) dense[i] = voxels[i]! > thresholdHU ? 1 : 0;

  // Holes are filled last: a filled hollow table would be as thick as a body.
  const core = largestComponent(erode(dense, grid, tableMm), grid.size, 6);
  const body = dilate(core, grid, tableMm + Math.max(...grid.spacing) / 2);
  for (let i = 0; i < body.length; i++) body[i]! &= dense[i]!;
  const axial = axisMapToLps(grid).perm[2];
  const whole = fillHoles(largestComponent(body, grid.size, 6), grid.size, axial);
  const labels = [
    { value: 0, name: 'outside' },
    { value: 1, name: 'body' },
  ];
  return resampleLabelmap(createLabelmap(grid, whole, labels), geometry).voxels;
}
