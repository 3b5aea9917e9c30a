import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import type { Point } from '../space/dimension.ts';
import { combinations, type Space } from '../space/space.ts';
import type { Sampler } from './sampler.ts';

/** More combinations than this are no grid that anybody runs. */
export const largestGrid = 10_000;

/** The points of a grid, at most `largestGrid` + 1 of them. */
export function gridPoints(space: Space): Point[] {
  const points: Point[] = [];
  for (const point of combinations(space)) {
    points.push(point);
    if (points.length > largestGrid) break;
  }
  return points;
}

/**
 * Every combination, once. In the order of the space when there is room for all; otherwise drawn by the seed, since
 * the first ones of a grid all lie in one corner.
 */
export const gridSampler: Sampler = ({ space, seed, size, trial }) => {
  const points = gridPoints(space);
  if (size !== undefined && size < points.length) shuffle(points, createRandom(seed, 'grid'));
  const point = points[trial - 1];
  return point && { point, by: 'grid' };
};
