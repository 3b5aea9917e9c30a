import { describe, expect, test } from 'vitest';
import { chooseThreshold } from './choose-threshold.ts';
import { createLossSums } from './loss-sums.ts';
import { learningRateAt } from './schedule.ts';
import {
  createCounts,
  diceAt,
  lesionsInLiver,
  meanOf,
  probabilityBin,
  spreadSlices,
} from './score-slices.ts';

/** Counts of voxels given as [probability, is of the class]. */
function countsOf(voxels: readonly (readonly [number, boolean])[]) {
  const counts = createCounts();
  for (const [p, is] of voxels) (is ? counts.inside : counts.outside)[probabilityBin(p)]!++;
  return counts;
}

describe('Dice from counts', () => {
  const voxels = [
    [0.9, true],
    [0.8, false],
    [0.5, true],
    [0.3, true],
    [0.1, false],
    [0, false],
  ] as const;

  test('equals Dice of thresholded voxels at every threshold', () => {
    for (let t = 1; t < 100; t++) {
      const threshold = t / 100;
      const predicted = voxels.filter(([p]) => p >= threshold);
      const hits = predicted.filter(([, is]) => is).length;
      expect(diceAt(countsOf(voxels), threshold)).toBeCloseTo((2 * hits) / (predicted.length + 3), 12);
    }
  });

  test('says nothing where the class is absent', () => {
    expect(diceAt(countsOf([[0.9, false]]), 0.5)).toBeNull();
    expect(meanOf([null, 0.5, null, 0.7])).toBeCloseTo(0.6, 12);
    expect(meanOf([null])).toBeNull();
  });

  test('the threshold is that of the best mean, cases weighing the same', () => {
    const small = countsOf([
      [0.22, true],
      [0.22, true],
      [0.12, false],
    ]);
    const large = countsOf([
      ...Array.from({ length: 100 }, () => [0.9, true] as const),
      [0.18, false] as const,
    ]);
    const chosen = chooseThreshold([small, large, countsOf([[0.99, false]])], 0.5);
    expect(chosen.threshold).toBe(0.2);
    expect(chosen.dice).toBeCloseTo(1, 12);
    expect(chooseThreshold([large], 0.3).threshold).toBe(0.5);
    const lost = countsOf([[0.3, true], ...Array.from({ length: 50 }, () => [0.35, false] as const)]);
    expect(chooseThreshold([lost], 0.6).threshold).toBe(0.6);
    expect(chooseThreshold([countsOf([[0.9, false]])], 0.37)).toEqual({ threshold: 0.37, dice: null });
  });
});

test('lesions count only where the liver reaches its threshold', () => {
  // Probabilities of lesion, by the liver levels that the voxel reaches: none, 0.3, 0.3 and 0.5.
  const lesionByLevel = [
    countsOf([[0.4, false]]),
    countsOf([[0.6, true]]),
    countsOf([
      [0.8, true],
      [0.7, false],
    ]),
  ];
  const c = { id: 'c', liver: createCounts(), levels: [0.3, 0.5], lesionByLevel, loss: createLossSums(3) };
  expect(diceAt(lesionsInLiver(c, 0.3), 0.35)).toBeCloseTo(4 / 5, 12);
  expect(diceAt(lesionsInLiver(c, 0.5), 0.35)).toBeCloseTo(2 / 4, 12);
  expect(() => lesionsInLiver(c, 0.4)).toThrow(RangeError);
});

test('slices are spread evenly and without repeats', () => {
  expect(spreadSlices(3, 5)).toEqual([0, 1, 2]);
  expect(spreadSlices(10, 2)).toEqual([2, 7]);
  for (const count of [1, 7, 48]) expect(new Set(spreadSlices(100, count)).size).toBe(count);
});

test('the learning rate warms up, falls and never reaches below 0', () => {
  for (const name of ['constant', 'polynomial', 'cosine'] as const) {
    const plan = {
      steps: 100,
      schedule: { name, warmupSteps: 10, power: 0.9 },
      optimiser: { learningRate: 0.01 },
    };
    const rates = Array.from({ length: 100 }, (_, step) => learningRateAt(plan, step));
    expect(rates[0]).toBeCloseTo(0.01 / 11, 12);
    expect(rates[10]).toBe(0.01);
    for (let i = 11; i < 100; i++) expect(rates[i]).toBeLessThanOrEqual(rates[i - 1]!);
    expect(rates[99]).toBeGreaterThan(0);
    expect(rates[99]! < 0.001).toBe(name !== 'constant');
  }
});
