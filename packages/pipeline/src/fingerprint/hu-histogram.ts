/** Counts of whole HU from -2048 to 4095; values beyond count at the ends, fractions at the nearest whole. */
export const histogramLowHU = -2048;
export const histogramBins = 6144;

/** An empty histogram; bin b counts voxels of `histogramLowHU + b` HU. */
export function createHistogram(): Float64Array {
  return new Float64Array(histogramBins);
}

/** The bin of a value. */
export function binOf(hu: number): number {
  return Math.min(Math.max(Math.round(hu) - histogramLowHU, 0), histogramBins - 1);
}

/** Sum of all counts. */
export function totalCount(histogram: Float64Array): number {
  let total = 0;
  for (const count of histogram) total += count;
  return total;
}

/**
 * Adds histograms so that each weighs the same, however many voxels it counts: one patient with a huge lesion
 * must not speak for all. Empty ones are left out.
 */
export function averageHistograms(histograms: readonly Float64Array[]): Float64Array {
  const average = createHistogram();
  for (const histogram of histograms) {
    const total = totalCount(histogram);
    if (total > 0) for (let b = 0; b < histogramBins; b++) average[b]! += histogram[b]! / total;
  }
  return average;
}

/** HU below or at which `percent` % of the counts lie; null for an empty histogram. */
export function percentileHU(histogram: Float64Array, percent: number): number | null {
  const total = totalCount(histogram);
  if (total === 0) return null;
  const wanted = (total * percent) / 100;
  let sum = 0;
  for (let b = 0; b < histogramBins; b++) {
    sum += histogram[b]!;
    if (sum >= wanted * (1 - 1e-12) && sum > 0) return histogramLowHU + b;
  }
  return histogramLowHU + histogramBins - 1;
}

/**
 * Mean and standard deviation of the body's voxels after clipping to the window. The body is what lies above the
 * window's lower end: air and the bore clip to it, and how much of them a scan shows is chance.
 * Null when nothing lies above.
 */
export function clippedBodyStatistics(
  histogram: Float64Array,
  windowHU: readonly [number, number],
): { mean: number; sd: number } | null {
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let b = 0; b < histogramBins; b++) {
    const hu = histogramLowHU + b;
    if (hu <= windowHU[0] || histogram[b] === 0) continue;
    const clipped = Math.min(hu, windowHU[1]);
    count += histogram[b]!;
    sum += histogram[b]! * clipped;
    squares += histogram[b]! * clipped * clipped;
  }
  if (count === 0) return null;
  const mean = sum / count;
  return { mean, sd: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}
