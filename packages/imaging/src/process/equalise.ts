export interface EqualiseOptions {
  /** Smallest and largest value of the histogram; values beyond are counted at its ends. */
  readonly range: readonly [number, number];
  /** Default 256. */
  readonly bins?: number;
  /** Only values where this is not 0 are counted; where it holds none, all are. All values are mapped. */
  readonly mask?: Uint8Array;
}

/**
 * Histogram equalisation: each value becomes the share of counted values up to it, 0 to 1, linearly between the centres
 * of the bins (as scikit-image's `equalize_hist`, with the range given and not taken from the image). Not in place.
 */
export function equaliseHistogram(
  values: ArrayLike<number>,
  { range, bins = 256, mask }: EqualiseOptions,
): Float32Array {
  const [low, high] = range;
  if (!(high > low) || !(Number.isInteger(bins) && bins > 0)) {
    throw new RangeError(`equalise: range ${low} to ${high} with ${bins} bins`);
  }
  const perUnit = bins / (high - low);
  const shares = cumulativeShares(values, low, perUnit, bins, mask);
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    // In units of bins, counted from the centre of the first.
    const place = (values[i]! - low) * perUnit - 0.5;
    const bin = Math.floor(place);
    if (bin < 0) out[i] = shares[0]!;
    else if (bin >= bins - 1) out[i] = shares[bins - 1]!;
    else out[i] = shares[bin]! + (place - bin) * (shares[bin + 1]! - shares[bin]!);
  }
  return out;
}

/** Entry b: share of the counted values that lie in bins 0 to b. */
function cumulativeShares(
  values: ArrayLike<number>,
  low: number,
  perUnit: number,
  bins: number,
  mask: Uint8Array | undefined,
): Float64Array {
  const counts = new Float64Array(bins);
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const bin = Math.floor((values[i]! - low) * perUnit);
    counts[Math.min(Math.max(bin, 0), bins - 1)]!++;
    total++;
  }
  if (total === 0 && values.length > 0) return cumulativeShares(values, low, perUnit, bins, undefined);
  let sum = 0;
  return counts.map((count) => {
    sum += count;
    return sum / total;
  });
}
