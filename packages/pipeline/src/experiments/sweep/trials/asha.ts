import type { Stopping } from '../spec/sweep-spec.ts';

/** Whether a decision comes after this epoch: after `minEpochs`, and each time the epochs have grown by `factor`. */
export function isRung({ minEpochs, factor }: Stopping, epoch: number): boolean {
  let rung = minEpochs;
  while (rung < epoch) rung *= factor;
  return rung === epoch;
}

/**
 * The rule of ASHA (Li et al., "A system for massively parallel hyperparameter tuning", 2018) in its form that stops: a trial that
 * reaches a rung goes on when it is among the best 1/factor of all that have reached it so far, itself included. It waits for
 * nobody, so that early trials are judged by few. Until as many as `factor` have come nobody is stopped, and equals of the last that
 * goes on go on too.
 * @param score of the trial at the rung: higher is better
 * @param others scores of the trials that reached it before
 */
export function goesOn(score: number, others: readonly number[], factor: number): boolean {
  const all = [...others, score].sort((a, b) => b - a);
  if (all.length < factor) return true;
  return score >= all[Math.floor(all.length / factor) - 1]!;
}
