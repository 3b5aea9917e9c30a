import { scalar, type Tensor } from '../graph/tensor.ts';
import { softplus } from '../operators/activations.ts';
import { add, exp, mul, neg, pow, sub } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { belowOne, optional } from '../options/rules.ts';
import { type Loss, meanOf } from './loss.ts';
import { classWeightList, focusing } from './loss-rules.ts';
import { type ClassPrediction, type Prediction, perClass } from './prediction.ts';

export interface CrossEntropyOptions {
  /** Weight of each class; default: 1 for all. */
  readonly classWeights?: readonly number[];
  /** This share of every target is spread evenly over all classes (Szegedy et al., 2016); default 0. */
  readonly labelSmoothing?: number;
}

export const crossEntropyRules: Rules<CrossEntropyOptions> = {
  classWeights: optional(classWeightList),
  labelSmoothing: optional(belowOne),
};

/**
 * - sum w[t] ln p[t] / sum w[t] over the targets t that are not ignored, as in PyTorch. With label smoothing e, of K
 * classes: - ((1 - e) sum w[t] ln p[t] + e / K sum over all classes of w ln p) / sum w[t].
 * Part `crossEntropy`.
 */
export function crossEntropy(prediction: ClassPrediction, options: CrossEntropyOptions = {}): Loss {
  checkOptions('crossEntropy', options, crossEntropyRules);
  const { truth, logProbabilities, logits, valid } = prediction;
  const { labelSmoothing = 0 } = options;
  const classes = logits.shape[1]!;
  const weights = options.classWeights === undefined ? undefined : perClass(options.classWeights, logits);
  const weighted = (values: Tensor) => (weights === undefined ? values : mul(values, weights));
  const count = weighted(truth);
  const spread =
    labelSmoothing === 0
      ? count
      : add(mul(count, scalar(1 - labelSmoothing)), mul(weighted(valid), scalar(labelSmoothing / classes)));
  const loss = meanOf(neg(reduceSum(mul(spread, logProbabilities))), reduceSum(count));
  return { loss, parts: { crossEntropy: loss } };
}

export interface FocalOptions {
  /** How much less the targets count that are predicted well already; 0, or 1 and more. Default 2. */
  readonly gamma?: number;
  /** Weight of each class (alpha); default: 1 for all. */
  readonly classWeights?: readonly number[];
}

/**
 * Focal loss (Lin et al., 2017): the mean of - a[t] (1 - p[t])^gamma ln p[t] over the targets t that are not ignored.
 * Part `focal`.
 */
export function focal(prediction: ClassPrediction, options: FocalOptions = {}): Loss {
  checkOptions('focal', options, { gamma: optional(focusing), classWeights: optional(classWeightList) });
  const { truth, logProbabilities, logits, valid } = prediction;
  const { gamma = 2, classWeights } = options;
  const ofTarget = reduceSum(mul(truth, logProbabilities), [1], true);
  const missing = sub(scalar(1), exp(ofTarget));
  const hard = gamma === 0 ? ofTarget : mul(pow(missing, gamma), ofTarget);
  const weight = classWeights && reduceSum(mul(truth, perClass(classWeights, logits)), [1], true);
  const sum = reduceSum(weight === undefined ? hard : mul(hard, weight));
  const loss = meanOf(neg(sum), reduceSum(valid));
  return { loss, parts: { focal: loss } };
}

export interface BinaryCrossEntropyOptions {
  /** Weight of each class where it is true; default: 1 for all. */
  readonly positiveWeights?: readonly number[];
}

/**
 * The mean of - w t ln p - (1 - t) ln(1 - p) over all classes and targets t that are not ignored, p the sigmoid of a
 * logit z, as (1 - t) z + (1 + (w - 1) t) ln(1 + e^-z), which does not overflow. Part `binaryCrossEntropy`.
 */
export function binaryCrossEntropy(prediction: Prediction, options: BinaryCrossEntropyOptions = {}): Loss {
  checkOptions('binaryCrossEntropy', options, { positiveWeights: optional(classWeightList) });
  const { logits, truth, valid } = prediction;
  const { positiveWeights } = options;
  const one = scalar(1);
  const penalty = softplus(neg(logits));
  const more = positiveWeights?.map((weight) => weight - 1);
  const missed = more === undefined ? penalty : mul(add(mul(truth, perClass(more, logits)), one), penalty);
  const each = mul(add(mul(sub(one, truth), logits), missed), valid);
  const loss = meanOf(reduceSum(each), reduceSum(valid));
  return { loss, parts: { binaryCrossEntropy: loss } };
}
