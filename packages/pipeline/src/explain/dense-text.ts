import type { DenseComparison, WayDifference } from './compare-dense.ts';
import type { NetworkText } from './network-text.ts';

/** A comparison for a person: one row for each slice and one for all. */
export function denseText(found: DenseComparison): NetworkText {
  const { slices, all, threshold, network, padding, patchSize, stride, dice, bestDice, seconds } = found;
  const row = (name: string, side: WayDifference) => [
    name,
    `${side.pixels}`,
    share(side.meanPatches),
    share(side.meanDense),
    share(side.meanDifference),
    share(side.largestDifference),
    `${side.flips} (${side.pixels === 0 ? 0 : ((100 * side.flips) / side.pixels).toFixed(2)} %)`,
  ];
  const times = seconds.patches / seconds.dense;
  return {
    header: ['slice', 'pixels', 'mean, patches', 'mean, dense', 'mean difference', 'largest', 'flips'],
    rows: [...slices.map(({ slice, ...side }) => row(`${slice}`, side)), row('all', all)],
    sentences: [
      `Probability of lesion by ${network} with padding ${padding}, patches of ${patchSize} x ${patchSize}, stride ${stride}. Flips: lesion one way and not the other at the threshold ${Number(threshold.toFixed(3))}.`,
      ...(dice === null
        ? []
        : [
            `Lesion Dice on these slices: ${dice.patches.toFixed(3)} patch by patch, ${dice.dense.toFixed(3)} dense (${signed(dice.dense - dice.patches)}).`,
          ]),
      ...(bestDice === null
        ? []
        : [
            `Each way at the threshold that suits it best here: ${bestDice.patches.dice.toFixed(3)} at ${bestDice.patches.threshold} patch by patch, ${bestDice.dense.dice.toFixed(3)} at ${bestDice.dense.threshold} dense.`,
          ]),
      `Time: ${seconds.patches.toFixed(1)} s patch by patch, ${seconds.dense.toFixed(1)} s dense (${times.toFixed(times < 10 ? 1 : 0)} times less).`,
    ],
  };
}

function share(value: number): string {
  return value === 0 ? '0' : value < 1e-3 ? value.toExponential(1) : value.toFixed(3);
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}
