import type { SeededRandom } from '@glisson/imaging/random/seeded-random';
import { type Dimension, type Setting, settingAt, unitOf } from '../space/dimension.ts';
import { buildPoint } from '../space/space.ts';
import { latinHypercubeSampler } from './latin-hypercube.ts';
import { optionShares, parzenDensity } from './parzen.ts';
import { firstNew } from './random.ts';
import type { Observation, Sampler } from './sampler.ts';

/** Trials before there is enough to learn from. */
export const defaultStartup = 10;

/** Share of the trials that count as good. */
const goodShare = 0.2;

/** Settings that are drawn from the good ones and compared. */
const candidates = 24;

/**
 * The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization",
 * 2011). The first trials are those of a Latin hypercube. Then ended trials are divided into the best fifth and the others. Each dimension is drawn from the density of the
 * good ones, and of 24 draws the one is taken at which that density most exceeds the density of the others: the largest expected
 * improvement. Dimensions that vary only under conditions learn from the trials in which they did. Failed trials count among the
 * others.
 */
export function tpeSampler(startup = defaultStartup): Sampler {
  return (state) => {
    const { space, known } = state;
    if (known.length < startup) {
      const first = latinHypercubeSampler({ ...state, size: startup });
      return first && { ...first, by: `${first.by} start` };
    }
    const [good, others] = divide(known);
    const point = firstNew(state, (random) =>
      buildPoint(space, (dimension) => chooseSetting(dimension, good, others, random.derive(dimension.name))),
    );
    return point && { point, by: 'tpe' };
  };
}

/** The best of the trials (a later one of equals does not displace an earlier one), and the rest. */
function divide(known: readonly Observation[]): [Observation[], Observation[]] {
  const sorted = [...known].sort(
    (a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity) || a.trial - b.trial,
  );
  const count = Math.max(1, Math.ceil(goodShare * known.length));
  const good = sorted.slice(0, count).filter(({ value }) => value !== null);
  return [good, sorted.slice(good.length)];
}

function chooseSetting(
  dimension: Dimension,
  good: readonly Observation[],
  others: readonly Observation[],
  random: SeededRandom,
): Setting {
  const unitsOf = (observations: readonly Observation[]) =>
    observations.flatMap(({ point }) => {
      const setting = point[dimension.name];
      return setting === undefined ? [] : [unitOf(dimension, setting)];
    });
  const draws = Array.from({ length: candidates }, (_, i) => i);
  let scored: { unit: number; score: number }[];
  if (dimension.kind === 'choice') {
    const count = dimension.options.length;
    const optionsOf = (units: readonly number[]) => units.map((unit) => Math.floor(unit * count));
    const wanted = optionShares(count, optionsOf(unitsOf(good)));
    const shunned = optionShares(count, optionsOf(unitsOf(others)));
    scored = draws.map(() => {
      const option = drawOption(wanted, random);
      return { unit: (option + 0.5) / count, score: Math.log(wanted[option]! / shunned[option]!) };
    });
  } else {
    const wanted = parzenDensity(unitsOf(good));
    const shunned = parzenDensity(unitsOf(others));
    scored = draws.map(() => {
      const unit = wanted.draw(random);
      return { unit, score: wanted.logAt(unit) - shunned.logAt(unit) };
    });
  }
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
  return settingAt(dimension, best.unit);
}

function drawOption(shares: readonly number[], random: SeededRandom): number {
  let left = random.uniform();
  for (const [option, share] of shares.entries()) {
    left -= share;
    if (left < 0) return option;
  }
  return shares.length - 1;
}
