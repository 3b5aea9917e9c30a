import { type Geometry, identityDirection } from '@glisson/imaging/geometry/geometry';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import { describe, expect, test } from 'vitest';
import { evaluateCase } from './evaluate-case.ts';
import { applyThreshold, chooseThreshold, diceOfThreshold, liverHistogram } from './hu-threshold-baseline.ts';

const geometry: Geometry = {
  size: [20, 10, 5],
  spacing: [1, 1, 1],
  origin: [0, 0, 0],
  direction: identityDirection,
};

function randomCase(seed: number) {
  const random = createRandom(seed);
  const truth = Uint8Array.from({ length: 1000 }, () => [0, 1, 1, 2][random.integer(4)]!);
  const hu = Float32Array.from(truth, (label) => [0, 100, 60][label]! + 30 * random.normal());
  const liver = truth.map((label) => (label > 0 && random.uniform() < 0.95 ? 1 : 0));
  return {
    volume: createVolume(geometry, hu),
    truth: createLabelmap(geometry, truth, liverLabels),
    liver: createLabelmap(geometry, liver, liverLabels),
  };
}

describe('HU threshold', () => {
  test('Dice from histograms is the Dice of the labels that the threshold gives', () => {
    for (const seed of [1, 2, 3]) {
      const { volume, truth, liver } = randomCase(seed);
      const histogram = liverHistogram(volume, liver, truth);
      for (const threshold of [-200, 40, 75, 81, 300]) {
        const scores = evaluateCase(truth, applyThreshold(volume, liver, threshold));
        expect(diceOfThreshold(histogram, threshold)).toBeCloseTo(scores.lesion.dice, 12);
      }
    }
  });

  test('the choice is the best of all candidates, by mean over cases', () => {
    const cases = [4, 5].map((seed) => {
      const { volume, truth, liver } = randomCase(seed);
      return liverHistogram(volume, liver, truth);
    });
    const choice = chooseThreshold(cases, [0, 150]);
    expect(choice.thresholdHU).toBeGreaterThan(60);
    expect(choice.thresholdHU).toBeLessThan(100);
    for (let t = 0; t <= 150; t++) {
      const mean = (diceOfThreshold(cases[0]!, t) + diceOfThreshold(cases[1]!, t)) / 2;
      expect(mean).toBeLessThanOrEqual(choice.meanDice);
    }
    expect(() => chooseThreshold([])).toThrow(/without cases/);
  });
});
