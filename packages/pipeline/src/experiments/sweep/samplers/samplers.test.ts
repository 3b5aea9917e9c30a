import { describe, expect, test } from 'vitest';
import type { Dimension, Point } from '../space/dimension.ts';
import { gridOf, settingAt, unitOf } from '../space/dimension.ts';
import { buildPoint, pointKey, type Space } from '../space/space.ts';
import { parzenDensity } from './parzen.ts';
import type { Observation, Sampler } from './sampler.ts';
import { samplerOf } from './samplers.ts';

const range = (
  name: string,
  kind: 'uniform' | 'loguniform' | 'int',
  low: number,
  high: number,
): Dimension => ({
  kind,
  name,
  field: name,
  when: [],
  low,
  high,
  points: null,
});
const choice = (name: string, labels: string[], when: Dimension['when'] = []): Dimension => ({
  kind: 'choice',
  name,
  field: name,
  when,
  options: labels.map((label) => ({ label, value: label })),
});
const spaceOf = (...dimensions: Dimension[]): Space => ({ dimensions, fixed: { r: {} }, onlyRecipe: 'r' });

/** The best value of a whole sweep of a function. */
function best(
  sampler: Sampler,
  space: Space,
  trials: number,
  seed: number,
  f: (point: Point) => number,
): number {
  const known: Observation[] = [];
  const taken = new Set<string>();
  for (let trial = 1; trial <= trials; trial++) {
    const proposal = sampler({ space, seed, size: trials, trial, taken, known });
    if (proposal === undefined) break;
    taken.add(pointKey(proposal.point));
    known.push({ trial, point: proposal.point, value: f(proposal.point) });
  }
  return Math.max(...known.map(({ value }) => value!));
}

function points(name: Parameters<typeof samplerOf>[0], space: Space, trials: number, size = trials): Point[] {
  const taken = new Set<string>();
  const found: Point[] = [];
  for (let trial = 1; trial <= trials; trial++) {
    const proposal = samplerOf(name)({ space, seed: 3, size, trial, taken, known: [] });
    if (proposal === undefined) break;
    taken.add(pointKey(proposal.point));
    found.push(proposal.point);
  }
  return found;
}

describe('dimensions', () => {
  test('settings come from every part of a range, and know where they lie', () => {
    const log = range('lr', 'loguniform', 1e-4, 1e-1);
    expect([0, 0.5, 0.999999].map((u) => settingAt(log, u))).toEqual([1e-4, 0.003162, 0.1]);
    expect(unitOf(log, 1e-2)).toBeCloseTo(2 / 3, 10);
    const whole = range('n', 'int', 2, 5);
    expect([0, 0.25, 0.5, 0.99].map((u) => settingAt(whole, u))).toEqual([2, 3, 4, 5]);
    for (const setting of [2, 3, 4, 5]) expect(settingAt(whole, unitOf(whole, setting))).toBe(setting);
    const named = choice('c', ['a', 'b', 'c']);
    for (const setting of ['a', 'b', 'c']) expect(settingAt(named, unitOf(named, setting))).toBe(setting);
  });

  test('a grid of a range needs points', () => {
    expect(gridOf(range('x', 'uniform', 0, 1))).toBeUndefined();
    expect(gridOf({ ...range('x', 'loguniform', 1e-4, 1e-2), points: 3 } as Dimension)).toEqual([
      1e-4, 1e-3, 1e-2,
    ]);
    expect(gridOf(range('x', 'int', 1, 3))).toEqual([1, 2, 3]);
  });
});

describe('samplers', () => {
  const weights = choice('weights', ['random', 'pretrained']);
  const frozen = choice(
    'frozen',
    ['stem', 'all'],
    [{ name: 'weights', values: ['pretrained'], negated: false }],
  );

  test('a grid has every combination once, and varies only what its conditions allow', () => {
    const found = points('grid', spaceOf(weights, frozen, range('n', 'int', 1, 2)), 100);
    expect(found).toEqual([
      { weights: 'random', n: 1 },
      { weights: 'random', n: 2 },
      { weights: 'pretrained', frozen: 'stem', n: 1 },
      { weights: 'pretrained', frozen: 'stem', n: 2 },
      { weights: 'pretrained', frozen: 'all', n: 1 },
      { weights: 'pretrained', frozen: 'all', n: 2 },
    ]);
  });

  test('a part of a grid is drawn from all of it', () => {
    const space = spaceOf(range('a', 'int', 1, 10), range('b', 'int', 1, 10));
    const part = points('grid', space, 20);
    expect(new Set(part.map(({ a }) => a)).size).toBeGreaterThan(5);
    expect(new Set(part.map(pointKey)).size).toBe(20);
  });

  test('a Latin hypercube draws from each part of each dimension once', () => {
    const found = points(
      'latin-hypercube',
      spaceOf(range('x', 'uniform', 0, 10), choice('c', ['a', 'b'])),
      10,
    );
    expect(found.map(({ x }) => Math.floor(Number(x))).sort((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(found.filter(({ c }) => c === 'a')).toHaveLength(5);
  });

  test.each(['random', 'tpe'] as const)('%s tries nothing twice, and ends when nothing is left', (name) => {
    const space = spaceOf(weights, frozen);
    expect(points(name, space, 100).map(pointKey).sort()).toEqual(
      points('grid', space, 100).map(pointKey).sort(),
    );
  });

  test.each(['random', 'latin-hypercube', 'tpe'] as const)(
    '%s proposes the same from the same state',
    (name) => {
      const space = spaceOf(range('x', 'uniform', 0, 1), range('y', 'loguniform', 1, 100));
      expect(points(name, space, 12)).toEqual(points(name, space, 12));
    },
  );

  test('conditions on a field that does not vary look at what is set', () => {
    const space: Space = {
      dimensions: [choice('frozen', ['a'], [{ name: 'weights', values: [null], negated: true }])],
      fixed: { r: {}, s: { weights: 'file' } },
      onlyRecipe: 'r',
    };
    expect(buildPoint(space, () => 'a')).toEqual({});
    expect(buildPoint({ ...space, onlyRecipe: 's' }, () => 'a')).toEqual({ frozen: 'a' });
  });
});

describe('tpe', () => {
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
  const seeds = Array.from({ length: 21 }, (_, i) => i + 1);

  test('beats chance on a known function of numbers: the median over seeds is nearer to the best', () => {
    // Branin, negated; its largest value is -0.397887.
    const space = spaceOf(range('x', 'uniform', -5, 10), range('y', 'uniform', 0, 15));
    const branin = ({ x, y }: Point) => {
      const [a, b] = [Number(x), Number(y)];
      const bowl = b - (5.1 / (4 * Math.PI ** 2)) * a ** 2 + (5 / Math.PI) * a - 6;
      return -(bowl ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(a) + 10);
    };
    const regret = (name: 'tpe' | 'random') =>
      median(seeds.map((seed) => -0.397887 - best(samplerOf(name), space, 60, seed, branin)));
    const [tpe, random] = [regret('tpe'), regret('random')];
    expect(tpe).toBeLessThan(0.5 * random);
  });

  test('beats chance where dimensions are conditional, as recipes and learning rates are', () => {
    const recipe = choice('recipe', ['a', 'b', 'c']);
    const rate = range('lr', 'loguniform', 1e-5, 1);
    const depth: Dimension = {
      ...range('depth', 'int', 0, 9),
      when: [{ name: 'recipe', values: ['b'], negated: false }],
    };
    const space = spaceOf(recipe, rate, depth);
    const f = (point: Point) => {
      const base = { a: 0.5, b: 0.6, c: 0.3 }[point.recipe as 'a' | 'b' | 'c'];
      const off = Math.log10(Number(point.lr)) + 3;
      return (
        base -
        0.05 * off ** 2 +
        (point.depth === undefined ? 0 : 0.3 - 0.03 * Math.abs(Number(point.depth) - 7))
      );
    };
    const reached = (name: 'tpe' | 'random') =>
      median(seeds.map((seed) => best(samplerOf(name), space, 40, seed, f)));
    expect(0.9 - reached('tpe')).toBeLessThan(0.6 * (0.9 - reached('random')));
  });

  test('failed trials count as poor ones', () => {
    const space = spaceOf(range('x', 'uniform', 0, 1));
    const known: Observation[] = Array.from({ length: 40 }, (_, i) => {
      const x = (i + 0.5) / 40;
      return { trial: i + 1, point: { x }, value: x > 0.5 ? null : x };
    });
    const drawn = Array.from({ length: 20 }, (_, i) =>
      Number(
        samplerOf('tpe')({ space, seed: i, size: undefined, trial: 41, taken: new Set(), known })!.point.x,
      ),
    );
    expect(drawn.filter((x) => x < 0.55).length).toBeGreaterThan(17);
  });

  test('a Parzen density integrates to 1 and is drawn from', () => {
    const density = parzenDensity([0.2, 0.21, 0.7]);
    const sum = Array.from({ length: 1000 }, (_, i) => Math.exp(density.logAt((i + 0.5) / 1000)) / 1000);
    expect(sum.reduce((a, b) => a + b)).toBeCloseTo(1, 3);
  });
});
