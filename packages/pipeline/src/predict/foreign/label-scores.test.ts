import { describe, expect, test } from 'vitest';
import type { ForeignPlan, LabelMeaning } from '../../plan/foreign-plan.ts';
import { arrayPlaces } from './array-places.ts';
import { labelScores } from './label-scores.ts';

const sides = { rows: 'P', columns: 'L' } as const;

/** Scores of one row of pixels, each given by its channels: [liver, lesion] of each pixel. */
function scores(
  activation: ForeignPlan['output']['activation'],
  meanings: readonly LabelMeaning[],
  pixels: readonly (readonly number[])[],
): number[][] {
  const channels = pixels[0]!.length;
  const labels = meanings.map((meaning, value) => ({ value, meaning }));
  const plan: ForeignPlan['output'] = { name: null, layout: 'NHWC', activation, labels };
  const places = arrayPlaces('NHWC', sides, 1, channels, [pixels.length, 1]);
  const result = labelScores(Float32Array.from(pixels.flat()), plan, places, [1, 1, pixels.length]);
  return pixels.map((_, i) => [result[i]!, result[i + pixels.length]!]);
}
const near = (values: number[][]) => values.map((row) => row.map((value) => expect.closeTo(value, 6)));
const [e1, e2] = [Math.E, Math.E ** 2];

describe('scores of liver and lesion', () => {
  test('softmax over all channels, those of one meaning added, others left out', () => {
    const found = scores(
      'softmax',
      ['background', 'liver', 'lesion', 'other', 'lesion'],
      [
        [0, 1, 2, 0, 1],
        [1000, 0, 0, 0, 0],
      ],
    );
    const sum = 2 + 2 * e1 + e2;
    expect(found).toEqual(
      near([
        [e1 / sum, (e2 + e1) / sum],
        [0, 0],
      ]),
    );
  });

  test('sigmoids do not share: the largest of a meaning counts, and liver is what lesions leave', () => {
    const [half, most] = [0.5, 1 / (1 + Math.exp(-2))];
    expect(
      scores(
        'sigmoid',
        ['liver', 'lesion', 'lesion'],
        [
          [0, 0, 2],
          [2, -50, -60],
        ],
      ),
    ).toEqual(
      near([
        [1 - most, most],
        [most, 0],
      ]),
    );
    expect(scores('sigmoid', ['liver'], [[0]])).toEqual(near([[half, 0]]));
  });

  test('a whole liver holds its lesions', () => {
    const found = scores(
      'none',
      ['whole-liver', 'lesion'],
      [
        [0.9, 0.6],
        [0.3, 0.75],
        [0.8, 0],
      ],
    );
    expect(found).toEqual(
      near([
        [0.3, 0.6],
        [0, 0.75],
        [0.8, 0],
      ]),
    );
  });

  test('labels count as they are, whatever their numbers', () => {
    const plan: ForeignPlan['output'] = {
      name: null,
      layout: 'NHW',
      activation: 'labels',
      labels: [
        { value: 0, meaning: 'background' },
        { value: 6, meaning: 'liver' },
        { value: 21, meaning: 'lesion' },
        { value: 1, meaning: 'other' },
      ],
    };
    const places = arrayPlaces('NHW', sides, 1, 1, [4, 1]);
    const run = (...values: number[]) => [...labelScores(Float32Array.from(values), plan, places, [1, 1, 4])];
    expect(run(0, 6, 21, 1)).toEqual([0, 1, 0, 0, 0, 0, 1, 0]);
    expect(() => run(0, 6, 7, 1)).toThrow(/label that its plan does not name.*7.*0, 6, 21, 1/s);
  });

  test('what the plan says of the output is checked against the output', () => {
    const meanings = ['background', 'liver'] as const;
    expect(() => scores('none', meanings, [[7, -3]])).toThrow(/from -3 to 7.*softmax or sigmoid/s);
    expect(() =>
      scores('softmax', meanings, [
        [0.25, 0.75],
        [1, 0],
      ]),
    ).toThrow(/probabilities already.*none/s);
    expect(
      scores('softmax', meanings, [
        [0.25, 0.75],
        [1, 0.5],
      ]),
    ).toHaveLength(2);
  });

  test('not a number stays so, for the check of the stitched slice', () => {
    for (const activation of ['none', 'softmax', 'sigmoid'] as const) {
      expect(scores(activation, ['background', 'liver'], [[0.5, Number.NaN]])[0]![0]).toBeNaN();
    }
  });
});
