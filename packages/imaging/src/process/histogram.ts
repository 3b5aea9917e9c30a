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
 * Values are counted, not sorted: a few passes over the voxels and 1 MB.
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
    voxels instanceof Int16Array ? countedValues(voxels, mask) : radixRankedValues(voxels, mask);
  return wanted.map((p) => {
    if (count === 0) return Number.NaN;
    const rank = (p / 100) * (count - 1);
    const lower = Math.floor(rank);
    const a = valueAt(lower);
    const b = rank === lower ? a : valueAt(lower + 1);
    return a === b ? a : a + (b - a) * (rank - lower);
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
  accumulate(upTo);
  return { count: upTo[65535]!, valueAt: (rank) => firstAbove(upTo, rank) - 32768 };
}

/**
 * Ranks floats without sorting them: their bits, as whole numbers in the same order, are counted by the upper half,
 * and by the lower half within the one upper half that a wanted rank falls into.
 */
function radixRankedValues(voxels: Float32Array, mask?: Uint8Array): RankedValues {
  const bits = new Int32Array(voxels.buffer, voxels.byteOffset, voxels.length);
  const taken = (i: number) => (mask === undefined || mask[i] !== 0) && !Number.isNaN(voxels[i]!);
  const upper = new Float64Array(65536);
  for (let i = 0; i < bits.length; i++) if (taken(i)) upper[orderedBits(bits[i]!) >>> 16]!++;
  accumulate(upper);
  const lowerHalves = new Map<number, Float64Array>();
  const lowerOf = (half: number): Float64Array => {
    let lower = lowerHalves.get(half);
    if (lower === undefined) {
      lower = new Float64Array(65536);
      for (let i = 0; i < bits.length; i++) {
        const key = orderedBits(bits[i]!);
        if (key >>> 16 === half && taken(i)) lower[key & 0xffff]!++;
      }
      accumulate(lower);
      lowerHalves.set(half, lower);
    }
    return lower;
  };
  return {
    count: upper[65535]!,
    valueAt: (rank) => {
      const half = firstAbove(upper, rank);
      const before = half === 0 ? 0 : upper[half - 1]!;
      return valueOfOrderedBits(((half << 16) | firstAbove(lowerOf(half), rank - before)) >>> 0);
    },
  };
}

/** The bits of a float as an unsigned number that grows with the float. */
function orderedBits(bits: number): number {
  return (bits < 0 ? ~bits : bits ^ 0x80000000) >>> 0;
}

function valueOfOrderedBits(key: number): number {
  const bits = key >= 0x80000000 ? key ^ 0x80000000 : ~key;
  return new Float32Array(Int32Array.of(bits).buffer)[0]!;
}

/** Counts to running sums, in place. */
function accumulate(counts: Float64Array): void {
  for (let i = 1; i < counts.length; i++) counts[i]! += counts[i - 1]!;
}

/** First index whose running sum is above the rank. */
function firstAbove(sums: Float64Array, rank: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > rank) high = middle;
    else low = middle + 1;
  }
  return low;
}

function assertSameLength(voxels: VolumeVoxels, mask?: Uint8Array): void {
  if (mask === undefined || mask.length === voxels.length) return;
  throw new ImagingError('value-invalid', 'The mask does not fit the voxels.', {
    found: `${mask.length} mask voxels`,
    expected: `${voxels.length}`,
  });
}
