import type { EpochTraining, Metrics, StepMetrics } from './metrics.ts';

/**
 * Means over the steps since the last epoch, each line of steps weighing as many steps as it averages; empty when there is none.
 * @param lines up to the end of the epoch, without the epoch's own line
 */
export function epochTraining(lines: readonly Metrics[]): EpochTraining {
  let before = 0;
  let steps: { line: StepMetrics; count: number }[] = [];
  for (const line of lines) {
    if (line.kind === 'epoch') steps = [];
    if (line.kind === 'steps') steps.push({ line, count: line.step - before });
    before = line.step;
  }
  const count = steps.reduce((sum, one) => sum + one.count, 0);
  if (count === 0) return {};
  const mean = (of: (line: StepMetrics) => number | undefined) => {
    const sum = steps.reduce((total, one) => total + (of(one.line) ?? Number.NaN) * one.count, 0);
    return Number.isNaN(sum) ? undefined : Number((sum / count).toPrecision(7));
  };
  const softDice = (c: number) => mean((line) => ('softDice' in line ? line.softDice[c] : undefined));
  const means = {
    trainingLoss: mean((line) => line.loss),
    trainingLiverDice: softDice(1),
    trainingLesionDice: softDice(2),
    trainingAccuracy: mean((line) => ('accuracy' in line ? line.accuracy : undefined)),
  };
  return Object.fromEntries(Object.entries(means).filter(([, value]) => value !== undefined));
}
