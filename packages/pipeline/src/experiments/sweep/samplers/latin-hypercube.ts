import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import { settingAt } from '../space/dimension.ts';
import { buildPoint, pointKey } from '../space/space.ts';
import { randomSampler } from './random.ts';
import type { Sampler } from './sampler.ts';

/**
 * Latin hypercube (McKay, Beckman and Conover, 1979): each dimension is cut into as many equal parts as there are trials,
 * and each part is drawn from once; options of a choice come equally often. Dimensions that do not vary in a trial
 * leave their part unused. Trials beyond the size, and points that are taken, are drawn at random.
 */
export const latinHypercubeSampler: Sampler = (state) => {
  const { space, seed, size, trial, taken } = state;
  if (size === undefined || trial > size) return randomSampler(state);
  const point = buildPoint(space, (dimension) => {
    const random = createRandom(seed, 'latin-hypercube', dimension.name);
    const parts = shuffle(
      Array.from({ length: size }, (_, i) => i),
      random,
    );
    const within = random.derive(trial).uniform();
    return settingAt(dimension, (parts[trial - 1]! + within) / size);
  });
  return taken.has(pointKey(point)) ? randomSampler(state) : { point, by: 'latin-hypercube' };
};
