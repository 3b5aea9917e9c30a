import { type Geometry, identityDirection } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateCase } from './evaluate-case.ts';
import { summarise } from './summarise.ts';

const geometry: Geometry = {
  size: [8, 1, 1],
  spacing: [10, 10, 5],
  origin: [0, 0, 0],
  direction: identityDirection,
};
const labels = (text: string, grid = geometry) =>
  createLabelmap(grid, Uint8Array.from([...text].map(Number)), liverLabels);

describe('overlap scores', () => {
  test('by hand', () => {
    const scores = evaluateCase(labels('00112200'), labels('01111200'));
    // Liver is label 1 and 2: 4 voxels against 5, 4 shared. Lesion: 2 against 1, 1 shared.
    expect(scores.liver.dice).toBeCloseTo(8 / 9, 15);
    expect(scores.liver.iou).toBeCloseTo(4 / 5, 15);
    expect(scores.lesion.dice).toBeCloseTo(2 / 3, 15);
    expect(scores.lesion.iou).toBeCloseTo(1 / 2, 15);
    expect(scores.liver.referenceMl).toBeCloseTo(2, 12);
    expect(scores.liver.predictionMl).toBeCloseTo(2.5, 12);
  });

  test.each([
    ['both empty', '00000000', '00000000', 1],
    ['reference empty', '00000000', '00000002', 0],
    ['prediction empty', '00000002', '00000000', 0],
  ])('%s', (_name, reference, prediction, score) => {
    const { lesion, liver } = evaluateCase(labels(reference), labels(prediction));
    expect([lesion.dice, lesion.iou, liver.dice, liver.iou]).toEqual([score, score, score, score]);
  });

  test('Dice is symmetric, within 0 and 1, and IoU = D / (2 - D)', () => {
    const map = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(map, map, (a, b) => {
        const forth = evaluateCase(labels(a.join('')), labels(b.join('')));
        const back = evaluateCase(labels(b.join('')), labels(a.join('')));
        for (const region of ['liver', 'lesion'] as const) {
          const { dice, iou } = forth[region];
          expect(dice).toBe(back[region].dice);
          expect(dice).toBeGreaterThanOrEqual(0);
          expect(dice).toBeLessThanOrEqual(1);
          expect(iou).toBeCloseTo(dice / (2 - dice), 12);
        }
      }),
    );
  });

  test('mean over cases and global differ when sizes do', () => {
    const cases = [
      { id: 'a', ...evaluateCase(labels('00000020'), labels('00000002')) },
      { id: 'b', ...evaluateCase(labels('22222200'), labels('22222200')) },
    ];
    const summary = summarise(cases)!;
    expect(summary.lesion.meanDice).toBe(0.5);
    expect(summary.lesion.globalDice).toBeCloseTo(12 / 14, 15);
    expect(summary.lesion.globalIou).toBeCloseTo(6 / 8, 15);
    expect(summarise([])).toBeNull();
  });

  test('grids may differ by float32 rounding and no more; unknown labels are refused', () => {
    const rounded: Geometry = {
      ...geometry,
      spacing: [10.000001, 10, 5],
      origin: [Math.fround(0.1) - 0.1, 0, 0],
    };
    expect(evaluateCase(labels('00002000'), labels('00002000', rounded)).lesion.dice).toBe(1);
    const shifted: Geometry = { ...geometry, origin: [10, 0, 0] };
    const names = { reference: 'truth.nii', prediction: 'found.nii' };
    expect(() => evaluateCase(labels('00002000'), labels('00002000', shifted), names)).toThrow(
      /truth\.nii and found\.nii/,
    );
    expect(() => evaluateCase(labels('00003000'), labels('00002000'), names)).toThrow(
      /truth\.nii.*3 \(1 voxels\)/,
    );
  });
});
