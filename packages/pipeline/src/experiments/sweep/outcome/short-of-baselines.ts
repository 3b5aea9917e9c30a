import type { SweepResult } from './sweep-result.ts';

/** Says which baselines the winner does not beat: on the test patients where there are any, else on those that chose it. */
export function shortOfBaselines({ trials, winner, test, baselines, objective }: SweepResult): string[] {
  const best = trials.find(({ trial }) => trial === winner);
  if (best === undefined || objective === 'liverDice') return [];
  const [reached, rivals, where] = test
    ? [test.lesionDice, test.baselines, 'on the test patients']
    : [best.lesionDice, baselines, 'even on the patients that chose it'];
  return rivals
    .filter(({ lesionDice }) => lesionDice !== null && reached !== null && reached <= lesionDice)
    .map(
      ({ name }) =>
        `The winner does not beat the baseline "${name}" in lesion Dice ${where}: it has learned nothing of use.`,
    );
}
