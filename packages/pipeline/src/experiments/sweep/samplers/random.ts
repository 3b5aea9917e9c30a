import { createRandom, type SeededRandom } from '@glisson/imaging/random/seeded-random';
import { type Point, settingAt } from '../space/dimension.ts';
import { buildPoint, combinations, pointKey, type Space } from '../space/space.ts';
import type { Sampler, SamplingState } from './sampler.ts';

/** Draws until one is new; spaces of few points run out of them. */
const attempts = 100;

/** A point of the space, each dimension drawn by itself. */
export function drawPoint(space: Space, random: SeededRandom): Point {
  // Streams by name: whether another dimension varies changes nothing here.
  return buildPoint(space, (dimension) => settingAt(dimension, random.derive(dimension.name).uniform()));
}

/**
 * The first point of `draw` that no trial has taken. Where chance finds none, the first that is left in a space of few points;
 * undefined when there is none.
 */
export function firstNew(
  { space, seed, trial, taken }: SamplingState,
  draw: (random: SeededRandom) => Point,
): Point | undefined {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const point = draw(createRandom(seed, 'trial', trial, attempt));
    if (!taken.has(pointKey(point))) return point;
  }
  if (space.dimensions.some(({ kind }) => kind === 'uniform' || kind === 'loguniform')) return undefined;
  let looked = 0;
  for (const point of combinations(space)) {
    if (!taken.has(pointKey(point))) return point;
    // All combinations of a large space cannot have been taken.
    if (++looked > taken.size) break;
  }
  return undefined;
}

/** Independent draws (Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012). */
export const randomSampler: Sampler = (state) => {
  const point = firstNew(state, (random) => drawPoint(state.space, random));
  return point && { point, by: 'random' };
};
