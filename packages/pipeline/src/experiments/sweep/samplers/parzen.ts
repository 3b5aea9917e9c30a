import type { SeededRandom } from '@glisson/imaging/random/seeded-random';

/** A density over 0 to 1. */
export interface Density {
  draw(random: SeededRandom): number;
  logAt(unit: number): number;
}

/** A bell is cut off at the ends of the range: drawn again until it falls inside. */
const redraws = 50;

/**
 * The adaptive Parzen estimator of Bergstra et al. (2011, section 4.2): a mixture of equal Gaussians, one at each
 * observation and one wide one for the prior, cut off at 0 and 1. A Gaussian is as wide as the larger of the distances to its
 * neighbours, within limits.
 * @param observed positions, 0 to 1
 */
export function parzenDensity(observed: readonly number[]): Density {
  const prior = { mean: 0.5, sd: 1 };
  const means = [...observed].sort((a, b) => a - b);
  const narrowest = 1 / Math.min(100, observed.length + 2);
  const bells = means.map((mean, i) => {
    const left = mean - (means[i - 1] ?? 0);
    const right = (means[i + 1] ?? 1) - mean;
    return { mean, sd: Math.min(1, Math.max(left, right, narrowest)) };
  });
  const all = [...bells, prior].map(({ mean, sd }) => ({
    mean,
    sd,
    inside: normalCdf((1 - mean) / sd) - normalCdf(-mean / sd),
  }));
  return {
    draw(random) {
      const { mean, sd } = all[random.integer(all.length)]!;
      for (let i = 0; i < redraws; i++) {
        const unit = mean + sd * random.normal();
        if (unit >= 0 && unit < 1) return unit;
      }
      return random.uniform();
    },
    logAt(unit) {
      const sum = all.reduce(
        (total, { mean, sd, inside }) =>
          total + Math.exp(-0.5 * ((unit - mean) / sd) ** 2) / (sd * inside * Math.sqrt(2 * Math.PI)),
        0,
      );
      return Math.log(sum / all.length);
    },
  };
}

/** Shares of the options of a choice: how often each was observed, and one more (the prior's). */
export function optionShares(count: number, observed: readonly number[]): number[] {
  const counts = new Array<number>(count).fill(1);
  for (const option of observed) counts[option]!++;
  return counts.map((n) => n / (observed.length + count));
}

/** Standard normal distribution function, to 1.5e-7 (Abramowitz and Stegun, 7.1.26). */
function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-z * z);
  return x >= 0 ? (1 + erf) / 2 : (1 - erf) / 2;
}
