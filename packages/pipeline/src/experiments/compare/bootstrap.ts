import type { SeededRandom } from '@glisson/imaging/random/seeded-random';
import { normalCdf, normalQuantile } from './normal-distribution.ts';

export interface BootstrapInterval {
  /** Mean over cases. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Mean of values and its confidence interval by the bootstrap, with groups as what is drawn: cases of one patient are no
 * independent samples. Bias-corrected and accelerated (Efron: Better bootstrap confidence intervals, J. Am. Stat. Assoc. 1987), with
 * the acceleration from leaving out one group at a time.
 * @param groups values by group; each value weighs the same
 * @param random draws the groups: the same seed gives the same interval
 */
export function bootstrapMean(
  groups: readonly (readonly number[])[],
  random: SeededRandom,
  { level = 0.95, resamples = 10_000 }: { readonly level?: number; readonly resamples?: number } = {},
): BootstrapInterval {
  const sums = groups.map((group) => group.reduce((sum, value) => sum + value, 0));
  const counts = groups.map((group) => group.length);
  const total = sums.reduce((a, b) => a + b, 0);
  const count = counts.reduce((a, b) => a + b, 0);
  const mean = total / count;
  const means = new Float64Array(resamples);
  for (let n = 0; n < resamples; n++) {
    let sum = 0;
    let size = 0;
    for (let k = 0; k < groups.length; k++) {
      const drawn = random.integer(groups.length);
      sum += sums[drawn]!;
      size += counts[drawn]!;
    }
    means[n] = sum / size;
  }
  means.sort();

  // Ties count half, as a mean of few values has many of them.
  let below = 0;
  for (const value of means) below += value < mean ? 1 : value === mean ? 0.5 : 0;
  const bias = normalQuantile(below / resamples);
  const acceleration = accelerationOf(groups.map((_, n) => (total - sums[n]!) / (count - counts[n]!)));
  const at = (p: number) => {
    const z = bias + normalQuantile(p);
    const corrected = normalCdf(bias + z / (1 - acceleration * z));
    return quantile(means, Number.isFinite(corrected) ? corrected : p);
  };
  const [low, high] = [at((1 - level) / 2), at((1 + level) / 2)];
  return { mean, low, high };
}

function accelerationOf(leftOut: readonly number[]): number {
  const middle = leftOut.reduce((sum, value) => sum + value, 0) / leftOut.length;
  let squares = 0;
  let cubes = 0;
  for (const value of leftOut) {
    squares += (middle - value) ** 2;
    cubes += (middle - value) ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/** Linear between the sorted values. */
function quantile(sorted: Float64Array, p: number): number {
  const place = Math.min(1, Math.max(0, p)) * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.ceil(place);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (place - low);
}
