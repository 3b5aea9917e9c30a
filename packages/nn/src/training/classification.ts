import { scalar, type Tensor } from '../graph/tensor.ts';
import { type CrossEntropyOptions, crossEntropy, crossEntropyRules } from '../losses/cross-entropy.ts';
import { meanOf } from '../losses/loss.ts';
import type { ClassPrediction } from '../losses/prediction.ts';
import { cast, equal, greater, mul } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { checkOptions } from '../options/check-options.ts';
import { ofClasses, type TrainingLoss } from './loss.ts';

/**
 * Cross-entropy of logits [N, classes] and targets [N] uint8 (255 is ignored). Reports
 * `crossEntropy` and `accuracy`, the share of targets whose logit is the largest, before the step.
 */
export function classification(options: CrossEntropyOptions = {}): TrainingLoss {
  checkOptions('classification', options, crossEntropyRules);
  return ofClasses((prediction) => {
    const { loss, parts } = crossEntropy(prediction, options);
    return { loss, parts: { ...parts, accuracy: accuracy(prediction) } };
  });
}

/** Share of the targets that count whose logit no other exceeds. */
function accuracy({ logits, truth, valid }: ClassPrediction): Tensor {
  const ofTarget = reduceSum(mul(truth, logits), [1], true);
  const larger = reduceSum(cast(greater(logits, ofTarget), 'float32'), [1], true);
  const right = mul(cast(equal(larger, scalar(0)), 'float32'), valid);
  return meanOf(reduceSum(right), reduceSum(valid));
}
