import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import { constant, scalar, type Tensor } from '../graph/tensor.ts';
import { add, cast, div, equal, greater, mul, neg } from '../operators/elementwise.ts';
import { reshape } from '../operators/layout.ts';
import { reduceSum } from '../operators/reduce.ts';
import { logSoftmax } from '../operators/softmax.ts';
import type { TrainingLoss } from './loss.ts';

export interface ClassificationOptions {
  /** Weight of each class in the cross-entropy; default: 1 for all. */
  readonly classWeights?: readonly number[];
}

/** Keeps a batch without any valid target at 0 instead of 0 / 0. */
const tiny = 1e-12;

/**
 * Weighted cross-entropy of logits [N, classes] and targets [N] uint8 (a value that is no class is ignored):
 * - sum w[t] ln p[t] / sum w[t], as in PyTorch. Reports `accuracy`, the share of targets whose logit is the largest,
 * before the step.
 */
export function classification({ classWeights }: ClassificationOptions = {}): TrainingLoss {
  return {
    targets: ([n]) => ({ shape: [n!], type: 'uint8' }),
    build: (logits, targets) => {
      const [n, classes] = logits.shape as [number, number];
      const weights = classWeights ?? new Array<number>(classes).fill(1);
      if (logits.shape.length !== 2 || weights.length !== classes) {
        throw new NetworkError(
          'shape-mismatch',
          `classification: expected logits [N, classes] and a weight for each class, found ${formatShape(logits.shape)} and ${weights.length} weights`,
        );
      }
      const truth = oneHot(targets, n, classes);
      const weighted = mul(truth, constant(weights, [1, classes]));
      const mean = (sum: Tensor, count: Tensor) => div(sum, add(count, scalar(tiny)));
      const loss = mean(neg(reduceSum(mul(weighted, logSoftmax(logits, 1)))), reduceSum(weighted));
      const isValid = reduceSum(truth, [1], true);
      const ofTarget = reduceSum(mul(truth, logits), [1], true);
      const larger = reduceSum(cast(greater(logits, ofTarget), 'float32'), [1], true);
      const right = mul(cast(equal(larger, scalar(0)), 'float32'), isValid);
      return { loss, report: { accuracy: mean(reduceSum(right), reduceSum(isValid)) } };
    },
  };
}

/** [N, classes]: 1 at the target; 0 everywhere where it is no class. */
function oneHot(targets: Tensor, n: number, classes: number): Tensor {
  const numbers = Float32Array.from({ length: classes }, (_, c) => c);
  return cast(equal(reshape(cast(targets, 'float32'), [n, 1]), constant(numbers, [1, classes])), 'float32');
}
