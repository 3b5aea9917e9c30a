import { createRandom } from '@glisson/imaging/random/seeded-random';
import type { CurveEpoch, RunCurve } from '../experiments/curves/run-curve.ts';

/** A course by formulas of the share of the run that is done. */
export interface MadeCourse {
  readonly training: (t: number) => number;
  readonly validation?: (t: number) => number;
  readonly dice: (t: number) => number;
  readonly trainingDice?: (t: number) => number;
}

/** A curve of `count` epochs, with normal noise of deviation `noise`. */
export function madeCurve(count: number, course: MadeCourse, noise = 0, seed = 1): RunCurve {
  const random = createRandom('curve', seed);
  const noisy = (value: number) => value + noise * random.normal();
  let best = 0;
  const epochs = Array.from({ length: count }, (_, n): CurveEpoch => {
    const t = n / Math.max(1, count - 1);
    const score = noisy(course.dice(t));
    const isBest = score > best;
    if (isBest) best = score;
    const side = (training: number | null, validation: number | null) => ({
      training,
      validation,
      watched: null,
    });
    return {
      epoch: n + 1,
      step: 10 * (n + 1),
      loss: side(noisy(course.training(t)), course.validation ? noisy(course.validation(t)) : null),
      lesionDice: side(course.trainingDice?.(t) ?? null, score),
      liverDice: side(null, null),
      trainingAccuracy: null,
      score,
      best: isBest,
    };
  });
  return { name: 'made', epochs, steps: [], plannedEpochs: count };
}

/** Shapes of courses, by the share of the run that is done. */
export const courses = {
  /** Fast at first, slow later. */
  falling: (t: number) => 0.1 + 0.9 * Math.exp(-4 * t),
  /** As a published curve: down until two fifths of the run, then up again. */
  turning: (t: number) => 0.3 + 0.6 * Math.exp(-9 * t) + 0.35 * Math.max(0, t - 0.4),
  rising: (t: number) => 0.8 * (1 - Math.exp(-5 * t)),
  plateau: (t: number) => 0.7 * (1 - Math.exp(-30 * t)),
} as const;
