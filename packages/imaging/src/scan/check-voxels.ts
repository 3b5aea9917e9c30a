import type { Finding } from '../volume/scan.ts';
import type { Volume } from '../volume/volume.ts';

/** What `checkVoxels` counts in one pass. */
export interface VoxelSummary {
  /** Smallest and largest finite value; infinities of the other sign when there is none. */
  readonly min: number;
  readonly max: number;
  /** NaN and infinite values. */
  readonly notFinite: number;
}

export function summariseVoxels(volume: Volume): VoxelSummary {
  const { voxels } = volume;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let notFinite = 0;
  for (let i = 0; i < voxels.length; i++) {
    const value = voxels[i]!;
    // NaN fails both comparisons; infinity minus itself is NaN.
    if (value - value !== 0) {
      notFinite++;
      continue;
    }
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max, notFinite };
}

/** HU that only air and lung reach. */
const airBelow = -300;

/** Whether 16-bit values are certain to give no finding; stops as soon as it knows. */
function hasAirAndMore(voxels: Int16Array): boolean {
  let air = false;
  let more = false;
  for (let i = 0; i < voxels.length; i++) {
    if (voxels[i]! <= airBelow) air = true;
    else more = true;
    if (air && more) return true;
  }
  return false;
}

/**
 * Looks for values that no segmentation should be built on. Severity `error`: `not-finite` (NaN or infinite
 * values), `constant` (no contrast at all). `warning`: `not-hounsfield` (0..255 as in a picture, or beyond
 * what CT can give). `info`: `no-air` (nothing at or below -300 HU: clipped values, or no CT).
 */
export function checkVoxels(volume: Volume, where?: string): Finding[] {
  if (volume.voxels instanceof Int16Array && hasAirAndMore(volume.voxels)) return [];
  const { min, max, notFinite } = summariseVoxels(volume);
  const findings: Finding[] = [];
  const add = (severity: Finding['severity'], code: string, message: string) =>
    findings.push(where === undefined ? { severity, code, message } : { severity, code, message, where });
  if (notFinite > 0) {
    add(
      'error',
      'not-finite',
      `${notFinite} of ${volume.voxels.length} voxels are not a number or infinite. Export the scan again, or replace them.`,
    );
  }
  if (min === max || notFinite === volume.voxels.length) {
    add(
      'error',
      'constant',
      `Every voxel has the same value${min === max ? ` (${min})` : ''}: there is no image in it.`,
    );
    return findings;
  }
  if (min >= 0 && max <= 255) {
    add(
      'warning',
      'not-hounsfield',
      `All values lie in ${min}..${max}, as in an 8-bit picture. CT in Hounsfield units has air near -1000.`,
    );
  } else if (max > 32767 || min < -32768) {
    add('warning', 'not-hounsfield', `Values reach from ${min} to ${max}: more than Hounsfield units can.`);
  } else if (min > airBelow) {
    add(
      'info',
      'no-air',
      `The darkest voxel has ${min}: there is no air. The values were clipped, or this is no CT.`,
    );
  }
  return findings;
}
