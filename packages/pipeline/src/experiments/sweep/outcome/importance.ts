import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import { type Feature, growTree } from './regression-tree.ts';

/** How much the outcome of trials depends on what was varied. */
export interface Importance {
  readonly method: 'permutation importance of a random forest';
  readonly trials: number;
  /**
   * Share of the variance between trials that the forest predicts for trials that it was not shown; at 0 or below the shares say
   * nothing.
   */
  readonly explained: number;
  /** Largest first. Shares of the whole; 0 where nothing is lost when a field is shuffled. */
  readonly fields: readonly { readonly field: string; readonly share: number }[];
}

/** Fewer trials say nothing about any field. */
export const fewestTrials = 8;

const trees = 300;

/**
 * Permutation importance (Breiman, "Random forests", 2001): a forest of regression trees learns the outcome from the settings; for
 * each tree, the trials that it was not shown are predicted as they are, and with one field shuffled among them. A field is as
 * important as its shuffling makes the prediction worse.
 * @param columns by field
 * @param outcomes of the same trials
 * @returns null for fewer than eight trials, no field, or outcomes that are all the same
 */
export function importanceOf(
  columns: Readonly<Record<string, Feature>>,
  outcomes: readonly number[],
  seed: number,
): Importance | null {
  const fields = Object.keys(columns);
  const features = Object.values(columns);
  const count = outcomes.length;
  const mean = outcomes.reduce((a, b) => a + b, 0) / count;
  const variance = outcomes.reduce((sum, y) => sum + (y - mean) ** 2, 0) / count;
  if (count < fewestTrials || fields.length === 0 || variance === 0) return null;

  const losses = new Array<number>(fields.length).fill(0);
  const sums = new Array<number>(count).fill(0);
  const votes = new Array<number>(count).fill(0);
  for (let t = 0; t < trees; t++) {
    const random = createRandom(seed, 'importance', t);
    const rows = Array.from({ length: count }, () => random.integer(count));
    const unseen = Array.from({ length: count }, (_, row) => row).filter((row) => !rows.includes(row));
    if (unseen.length === 0) continue;
    const tree = growTree(features, outcomes, rows, Math.max(1, Math.ceil(fields.length / 2)), random);
    const errorWith = (settingOf: (feature: number, row: number, i: number) => number | string | null) =>
      unseen.reduce((sum, row, i) => {
        const error = tree.predict((feature) => settingOf(feature, row, i)) - outcomes[row]!;
        return sum + error ** 2;
      }, 0) / unseen.length;
    const before = errorWith((feature, row) => features[feature]!.values[row]!);
    for (const row of unseen) {
      sums[row]! += tree.predict((feature) => features[feature]!.values[row]!);
      votes[row]!++;
    }
    for (let shuffled = 0; shuffled < fields.length; shuffled++) {
      const order = shuffle([...unseen], random);
      const after = errorWith(
        (feature, row, i) => features[feature]!.values[feature === shuffled ? order[i]! : row]!,
      );
      losses[shuffled]! += (after - before) / trees;
    }
  }
  const judged = outcomes.map((_, row) => row).filter((row) => votes[row]! > 0);
  const missed =
    judged.reduce((sum, row) => sum + (sums[row]! / votes[row]! - outcomes[row]!) ** 2, 0) / judged.length;
  const total = losses.reduce((sum, loss) => sum + Math.max(0, loss), 0);
  const round = (value: number) => Number(value.toFixed(4));
  return {
    method: 'permutation importance of a random forest',
    trials: count,
    explained: round(1 - missed / variance),
    fields: fields
      .map((field, i) => ({ field, share: total === 0 ? 0 : round(Math.max(0, losses[i]!) / total) }))
      .sort((a, b) => b.share - a.share),
  };
}
