import { createRandom } from '@glisson/imaging/random/seeded-random';
import { describe, expect, test } from 'vitest';
import { courses, madeCurve } from '../../testing/made-curve.ts';
import { judgeCurve, noiseOf, smoothed } from './judge-curve.ts';

const { falling, turning, rising, plateau } = courses;
const seeds = Array.from({ length: 40 }, (_, n) => n + 1);

describe('overfitting', () => {
  test('is pointed out where the validation loss rises and the training loss falls, as in 150 epochs of the published curve', () => {
    const curve = madeCurve(150, { training: falling, validation: turning, dice: plateau }, 0.01);
    const verdict = judgeCurve(curve);
    expect(verdict.kind).toBe('overfitting');
    expect(verdict.evidence).toEqual(['validation loss']);
    expect(verdict.since).toBeGreaterThan(45);
    expect(verdict.since).toBeLessThan(75);
    expect(verdict.text).toMatch(
      /^Overfitting since epoch \d+: the validation loss has risen from 0\.3\d\d .* to 0\.5\d\d/,
    );
  });

  test('is pointed out where only the Dice falls, and where both get worse', () => {
    const falls = (t: number) => 0.7 - 0.3 * Math.abs(t - 0.3);
    expect(judgeCurve(madeCurve(60, { training: falling, dice: falls }, 0.005))).toMatchObject({
      kind: 'overfitting',
      evidence: ['validation Dice'],
    });
    expect(
      judgeCurve(madeCurve(60, { training: falling, validation: turning, dice: falls }, 0.005)).evidence,
    ).toEqual(['validation loss', 'validation Dice']);
  });

  test('is not seen in a course that still improves, by whatever noise', () => {
    for (const noise of [0, 0.01, 0.03]) {
      for (const seed of seeds) {
        const curve = madeCurve(60, { training: falling, validation: falling, dice: rising }, noise, seed);
        expect(judgeCurve(curve).kind, `noise ${noise}, seed ${seed}`).not.toBe('overfitting');
      }
    }
  });

  test('is hardly ever seen in noise about a plateau, which stands still', () => {
    const kinds = seeds.map(
      (seed) =>
        judgeCurve(
          madeCurve(90, { training: falling, validation: (t) => 1 - plateau(t), dice: plateau }, 0.03, seed),
        ).kind,
    );
    expect(kinds.filter((kind) => kind === 'overfitting').length).toBeLessThanOrEqual(2);
    expect(kinds.filter((kind) => kind === 'stalled').length).toBeGreaterThan(30);
  });

  test('needs a training that goes on: a flat one is neither', () => {
    const flat = () => 0.5;
    expect(judgeCurve(madeCurve(40, { training: flat, validation: flat, dice: flat })).kind).toBe('sound');
    for (const seed of seeds) {
      expect(
        judgeCurve(madeCurve(40, { training: flat, validation: flat, dice: flat }, 0.02, seed)).kind,
      ).toBe('sound');
    }
    expect(judgeCurve(madeCurve(40, { training: flat, validation: turning, dice: flat }, 0.005)).kind).toBe(
      'sound',
    );
  });

  test('needs a third of the run: a late turn is too fresh', () => {
    const late = (t: number) => falling(t) + Math.max(0, t - 0.8);
    expect(judgeCurve(madeCurve(60, { training: falling, validation: late, dice: rising }, 0.002)).kind).toBe(
      'sound',
    );
  });

  test.each([0, 1, 8])('says nothing of %i epochs', (count) => {
    const verdict = judgeCurve(madeCurve(count, { training: falling, dice: rising }));
    expect(verdict.kind).toBe('too-short');
    expect(verdict.text).toMatch(new RegExp(`^${count} epochs? (is|are) too few`));
  });

  test('says nothing where the training loss is not known', () => {
    const curve = madeCurve(20, { training: falling, dice: rising });
    const epochs = curve.epochs.map((e) => ({ ...e, loss: { ...e.loss, training: null } }));
    expect(judgeCurve({ ...curve, epochs }).kind).toBe('sound');
  });
});

test('noise is that between neighbours, not of the course', () => {
  const random = createRandom('noise');
  const values = Array.from({ length: 400 }, (_, n) => n / 100 + 0.1 * random.normal());
  expect(noiseOf(values)).toBeGreaterThan(0.08);
  expect(noiseOf(values)).toBeLessThan(0.12);
  expect(noiseOf([])).toBe(0);
  expect(smoothed([1, 2, 6], 1)).toEqual([1.5, 3, 4]);
});
