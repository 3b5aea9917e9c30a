import { diceAt, meanOf, type ProbabilityCounts, thresholdGrid } from './score-slices.ts';

/** Below this the class was not found, and thresholds differ by chance. */
const leastDice = 0.2;

export interface ThresholdChoice {
  readonly threshold: number;
  /** Mean Dice over the cases that have the class; null when none has. */
  readonly dice: number | null;
}

/**
 * The threshold of the grid with the highest mean of Dice over cases, each case weighing the same; of equals the one
 * nearest to 0.5. `fallback` stays when no case has the class, or when no threshold finds it (Dice below
 * `least`): there is nothing to choose by then.
 */
export function chooseThreshold(
  cases: readonly ProbabilityCounts[],
  fallback: number,
  grid: readonly number[] = thresholdGrid,
  least: number = leastDice,
): ThresholdChoice {
  const diceOf = (threshold: number) => meanOf(cases.map((counts) => diceAt(counts, threshold)));
  const planned: ThresholdChoice = { threshold: fallback, dice: diceOf(fallback) };
  if (planned.dice === null) return planned;
  const nearestFirst = [...grid].sort((a, b) => Math.abs(a - 0.5) - Math.abs(b - 0.5));
  let best: ThresholdChoice | undefined;
  for (const threshold of nearestFirst) {
    const dice = diceOf(threshold)!;
    if (best === undefined || dice > best.dice! + 1e-12) best = { threshold, dice };
  }
  return best!.dice! < least ? planned : best!;
}
