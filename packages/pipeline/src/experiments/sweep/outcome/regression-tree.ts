import type { SeededRandom } from '@glisson/imaging/random/seeded-random';

/** A feature of the rows: numbers in order, or names without one; null where the row has none. */
export interface Feature {
  readonly kind: 'number' | 'name';
  readonly values: readonly (number | string | null)[];
}

/** Goes left where `isLeft` holds for the row's value. */
type Node =
  | { readonly mean: number }
  | {
      readonly feature: number;
      readonly isLeft: (value: number | string | null) => boolean;
      readonly left: Node;
      readonly right: Node;
    };

/** A value for each feature. */
export type SettingOf = (feature: number) => number | string | null;

export interface RegressionTree {
  predict(settingOf: SettingOf): number;
}

/** Rows that a leaf has at least. */
const smallestLeaf = 2;

/**
 * Grows a regression tree by the largest drop of squared error (Breiman et al., 1984). Names are ordered by their mean target at
 * each node, which finds the best division into two; rows without a value are a name of their own, below all numbers.
 * @param rows indices, perhaps several times each
 * @param tried features that each node looks at, drawn anew
 */
export function growTree(
  features: readonly Feature[],
  targets: readonly number[],
  rows: readonly number[],
  tried: number,
  random: SeededRandom,
): RegressionTree {
  const meanOf = (some: readonly number[]) =>
    some.reduce((sum, row) => sum + targets[row]!, 0) / Math.max(1, some.length);

  const grow = (some: readonly number[]): Node => {
    const mean = meanOf(some);
    if (some.length < 2 * smallestLeaf || some.every((row) => targets[row] === targets[some[0]!]))
      return { mean };
    let best:
      | { gain: number; feature: number; isLeft: (value: number | string | null) => boolean }
      | undefined;
    for (const feature of drawn(features.length, tried, random)) {
      const split = bestSplit(features[feature]!, targets, some);
      if (split !== undefined && split.gain > (best?.gain ?? 1e-12)) best = { ...split, feature };
    }
    if (best === undefined) return { mean };
    const { feature, isLeft } = best;
    const goesLeft = (row: number) => isLeft(features[feature]!.values[row]!);
    return {
      feature,
      isLeft,
      left: grow(some.filter(goesLeft)),
      right: grow(some.filter((row) => !goesLeft(row))),
    };
  };
  const root = grow(rows);
  return {
    predict(settingOf) {
      let node = root;
      while ('feature' in node) node = node.isLeft(settingOf(node.feature)) ? node.left : node.right;
      return node.mean;
    },
  };
}

function drawn(count: number, wanted: number, random: SeededRandom): number[] {
  const left = Array.from({ length: count }, (_, i) => i);
  return Array.from(
    { length: Math.min(wanted, count) },
    () => left.splice(random.integer(left.length), 1)[0]!,
  );
}

/** The division of a feature that lowers the squared error most; undefined when there is none. */
function bestSplit(feature: Feature, targets: readonly number[], rows: readonly number[]) {
  const groups = new Map<number | string | null, { sum: number; count: number }>();
  let total = 0;
  for (const row of rows) {
    const value = feature.values[row]!;
    const group = groups.get(value) ?? { sum: 0, count: 0 };
    groups.set(value, { sum: group.sum + targets[row]!, count: group.count + 1 });
    total += targets[row]!;
  }
  const place = (value: number | string | null, { sum, count }: { sum: number; count: number }) =>
    feature.kind === 'name' ? sum / count : value === null ? -Infinity : Number(value);
  const ordered = [...groups].sort(([a, x], [b, y]) => place(a, x) - place(b, y));
  let best: { gain: number; isLeft: (value: number | string | null) => boolean } | undefined;
  let sum = 0;
  let count = 0;
  for (const [i, [value, group]] of ordered.slice(0, -1).entries()) {
    sum += group.sum;
    count += group.count;
    const others = rows.length - count;
    if (count < smallestLeaf || others < smallestLeaf) continue;
    const gain = sum ** 2 / count + (total - sum) ** 2 / others - total ** 2 / rows.length;
    if (gain <= (best?.gain ?? 0)) continue;
    if (feature.kind === 'name') {
      const left = new Set(ordered.slice(0, i + 1).map(([name]) => name));
      best = { gain, isLeft: (wanted) => left.has(wanted) };
    } else {
      const next = Number(ordered[i + 1]![0]);
      const edge = value === null ? -Infinity : (Number(value) + next) / 2;
      best = { gain, isLeft: (wanted) => wanted === null || Number(wanted) <= edge };
    }
  }
  return best;
}
