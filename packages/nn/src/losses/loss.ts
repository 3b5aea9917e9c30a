import { NetworkError } from '../errors/network-error.ts';
import { scalar, type Tensor } from '../graph/tensor.ts';
import { add, div, mul } from '../operators/elementwise.ts';

import { checkValue } from '../options/check-options.ts';
import { finite, isRecord, listOf, objectWith, type Rule, recordOf } from '../options/rules.ts';

/** What every loss gives. */
export interface Loss {
  /** What training makes small: a scalar. */
  readonly loss: Tensor;
  /** Its parts by name, for reports: scalars, or one number per class. */
  readonly parts: Readonly<Record<string, Tensor>>;
}

export interface WeightedLoss {
  /** 0: the loss is reported, but not trained for. */
  readonly weight: number;
  readonly of: Loss;
}

const aTensor: Rule = {
  expected: 'a tensor of a graph',
  accepts: (value) => isRecord(value) && isRecord(value.operator) && Array.isArray(value.shape),
};
export const aLoss = objectWith('a loss: { loss, parts }, as crossEntropy and the other losses give', {
  loss: aTensor,
  parts: recordOf('tensors by name', aTensor),
});
const weightedLosses = listOf(
  'losses with their weights, { weight, of }',
  objectWith('', { weight: finite, of: aLoss }),
);

/** The weighted sum of losses, with the parts of all. Throws a `NetworkError` where parts share a name. */
export function combine(losses: readonly WeightedLoss[]): Loss {
  checkValue('combine: losses', losses, weightedLosses);
  const terms = losses
    .filter(({ weight }) => weight !== 0)
    .map(({ weight, of }) => mul(of.loss, scalar(weight)));
  const entries = losses.flatMap(({ of }) => Object.entries(of.parts));
  const parts = Object.fromEntries(entries);
  if (Object.keys(parts).length !== entries.length) {
    throw new NetworkError(
      'value-invalid',
      `combine: every part needs a name of its own, found ${entries.map(([name]) => name).join(', ')}`,
    );
  }
  return { loss: terms.length === 0 ? scalar(0) : terms.reduce(add), parts };
}

/** Keeps the mean over a batch in which everything is ignored at 0 instead of 0 / 0. */
const tiny = 1e-12;

/** sum / count, 0 where nothing was counted. */
export function meanOf(sum: Tensor, count: Tensor): Tensor {
  return div(sum, add(count, scalar(tiny)));
}
