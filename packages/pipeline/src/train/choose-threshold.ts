import { diceAt, meanOf, type ProbabilityCounts } from './score-slices.ts';

/** 0.05, 0.10 … 0.95. */
export const thresholdGrid: readonly number[] = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);

export interface ThresholdChoice {
  readonly threshold: number;
  /** Mean Dice over the cases that have the class; null when none has. */
  readonly dice: number | null;
}

/**
 * The threshold of the grid with the highest mean of Dice over cases, each case weighing the same; of equals the one
 * nearest to 0.5. When no case has the class there is nothing to choose by, and `fallback` stays.
 */
export function chooseThreshold(cases: readonly ProbabilityCounts[], fallback: number): ThresholdChoice {
  const diceOf = (threshold: number) => meanOf(cases.map((counts) => diceAt(counts, threshold)));
  let best: ThresholdChoice = { threshold: fallback, dice: diceOf(fallback) };
  if (best.dice === null) return best;
  const nearestFirst = [...thresholdGrid].sort((a, b) => Math.abs(a - 0.5) - Math.abs(b - 0.5));
  best = { threshold: nearestFirst[0]!, dice: diceOf(nearestFirst[0]!) };
  for (const threshold of nearestFirst) {
    const dice = diceOf(threshold)!;
    if (dice > best.dice! + 1e-12) best = { threshold, dice };
  }
  return best;
}
