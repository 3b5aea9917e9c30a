import { ImagingError } from '../errors/imaging-error.ts';
import type { VolumeVoxels } from '../volume/volume.ts';

/** Voxel counts over equal ranges of HU. */
export interface Histogram {
  /** Lower end of the first bin. */
  readonly low: number;
  /** Width of each bin; bin b holds low + b * binWidth <= value < low + (b + 1) * binWidth. */
  readonly binWidth: number;
  readonly counts: Uint32Array;
  /** Voxels below the first and from the end of the last bin on. */
  readonly below: number;
  readonly above: number;
  readonly notANumber: number;
}

/**
 * Counts voxels in `bins` equal bins from `low` up to `high`; only where `mask` is not zero, when given.
 * @throws ImagingError `value-invalid` for an empty range or a mask of another length
 */
export function histogram(
  voxels: VolumeVoxels,
  { low, high, bins }: { low: number; high: number; bins: number },
  mask?: Uint8Array,
): Histogram {
  assertSameLength(voxels, mask);
  if (!(low < high && Number.isInteger(bins) && bins > 0)) {
    throw new ImagingError('value-invalid', 'A histogram cannot have these bins.', {
      found: `${bins} bins from ${low} to ${high}`,
      expected: 'at least one bin, from a low value to a higher one',
    });
  }
  const counts = new Uint32Array(bins);
  let below = 0;
  let above = 0;
  let notANumber = 0;
  for (let i = 0; i < voxels.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const value = voxels[i]!;
    if (value < low) below++;
    else if (value >= high) above++;
    else if (value >= low) counts[Math.min(bins - 1, Math.floor(((value - low) * bins) / (high - low)))]!++;
    else notANumber++;
  }
  return { low, binWidth: (high - low) / bins, counts, below, above, notANumber };
}

/**
 * Exact percentiles (0..100), between two voxels linearly interpolated as numpy.percentile does; only where
 * `mask` is not zero, when given. NaN voxels are left out; all are NaN when no voxel is left.
 * Int16 is counted; Float32 sorts a copy of the voxels concerned.
 * @throws ImagingError `value-invalid` for a percentile beyond 0..100 or a mask of another length
 */
export function percentiles(voxels: VolumeVoxels, wanted: readonly number[], mask?: Uint8Array): number[] {
  assertSameLength(voxels, mask);
  const wrong = wanted.find((p) => !(p >= 0 && p <= 100));
  if (wrong !== undefined) {
    throw new ImagingError('value-invalid', 'There is no such percentile.', {
      found: String(wrong),
      expected: '0 to 100',
    });
  }
  const { count, valueAt } =
    voxels instanceof Int16Array ? countedValues(voxels, mask) : sortedValues(voxels, mask);
  return wanted.map((p) => {
    if (count === 0) return Number.NaN;
    const rank = (p / 100) * (count - 1);
    const lower = Math.floor(rank);
    const a = valueAt(lower);
    return rank === lower ? a : a + (valueAt(lower + 1) - a) * (rank - lower);
  });
}

interface RankedValues {
  readonly count: number;
  /** The value of rank 0..count-1, from the smallest. */
  readonly valueAt: (rank: number) => number;
}

function countedValues(voxels: Int16Array, mask?: Uint8Array): RankedValues {
  const upTo = new Float64Array(65536);
  for (let i = 0; i < voxels.length; i++) {
    if (mask === undefined || mask[i] !== 0) upTo[voxels[i]! + 32768]!++;
  }
  for (let v = 1; v < upTo.length; v++) upTo[v]! += upTo[v - 1]!;
  return {
    count: upTo[65535]!,
    valueAt: (rank) => {
      let low = 0;
      let high = 65535;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (upTo[middle]! > rank) high = middle;
        else low = middle + 1;
      }
      return low - 32768;
    },
  };
}

function sortedValues(voxels: Float32Array, mask?: Uint8Array): RankedValues {
  const sorted = voxels
    .filter((value, i) => !Number.isNaN(value) && (mask === undefined || mask[i] !== 0))
    .sort();
  return { count: sorted.length, valueAt: (rank) => sorted[rank]! };
}

function assertSameLength(voxels: VolumeVoxels, mask?: Uint8Array): void {
  if (mask === undefined || mask.length === voxels.length) return;
  throw new ImagingError('value-invalid', 'The mask does not fit the voxels.', {
    found: `${mask.length} mask voxels`,
    expected: `${voxels.length}`,
  });
}
