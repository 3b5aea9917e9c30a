import { ImagingError } from '../errors/imaging-error.ts';
import type { VolumeVoxels } from '../volume/volume.ts';

/** Statistics of the voxels under a mask. */
export interface MaskStatistics {
  /** Voxels that have a value. */
  readonly count: number;
  /** Voxels that are NaN; they count nowhere else. */
  readonly notANumber: number;
  /** NaN when `count` is 0, like the other three. */
  readonly mean: number;
  /** Standard deviation of these voxels (divided by n, not n - 1). */
  readonly sd: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Mean, sd and range of the voxels where `mask` is `value`, or not zero when `value` is left out.
 * @throws ImagingError `value-invalid` when the lengths differ
 */
export function maskStatistics(voxels: VolumeVoxels, mask: Uint8Array, value?: number): MaskStatistics {
  if (voxels.length !== mask.length) {
    throw new ImagingError('value-invalid', 'The mask does not fit the voxels.', {
      found: `${mask.length} mask voxels`,
      expected: `${voxels.length}`,
    });
  }
  let count = 0;
  let notANumber = 0;
  let mean = 0;
  let squares = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < mask.length; i++) {
    if (value === undefined ? mask[i] === 0 : mask[i] !== value) continue;
    const v = voxels[i]!;
    if (Number.isNaN(v)) {
      notANumber++;
      continue;
    }
    // Welford's update: a large mean costs no digits of the sd.
    count++;
    const away = v - mean;
    mean += away / count;
    squares += away * (v - mean);
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const none = Number.NaN;
  if (count === 0) return { count, notANumber, mean: none, sd: none, min: none, max: none };
  return { count, notANumber, mean, sd: Math.sqrt(squares / count), min, max };
}
