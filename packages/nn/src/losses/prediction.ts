import { shapeError } from '../graph/origin.ts';
import { formatShape, sameShape } from '../graph/shape.ts';
import { constant, scalar, type Tensor } from '../graph/tensor.ts';
import { sigmoid } from '../operators/activations.ts';
import { and, cast, equal, exp, greaterOrEqual, mul } from '../operators/elementwise.ts';
import { imageSizes } from '../operators/image.ts';
import { reshape } from '../operators/layout.ts';
import { reduceSum } from '../operators/reduce.ts';
import { logSoftmax } from '../operators/softmax.ts';

/** Logits beside the truth, in the parts that losses share: computed once, however many losses look at them. */
export interface Prediction {
  /** [N, classes, ...S]; S is empty for classifiers. */
  readonly logits: Tensor;
  /** Of every class [N, classes, ...S]. */
  readonly probabilities: Tensor;
  /** What they should be [N, classes, ...S]; 0 where the target is ignored. */
  readonly truth: Tensor;
  /** 1 where the target counts, 0 where it is ignored: [N, 1, ...S] or [N, classes, ...S]. */
  readonly valid: Tensor;
}

/** A prediction of exactly one class per target. */
export interface ClassPrediction extends Prediction {
  /** [N, classes, ...S] */
  readonly logProbabilities: Tensor;
}

/**
 * Logits [N, classes, ...S], of which a softmax makes probabilities, and the number of the true class [N, ...S] (uint8,
 * or whole numbers as float32). A target that is no class (255, say) is ignored.
 */
export function classPrediction(logits: Tensor, targets: Tensor): ClassPrediction {
  const { n, c: classes, spatial } = imageSizes('classPrediction', logits, 0);
  if (!sameShape(targets.shape, [n, ...spatial])) {
    throw shapeError(
      `classPrediction: logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)} do not fit: expected targets ${formatShape([n, ...spatial])}`,
    );
  }
  const numbers = perClass(
    Array.from({ length: classes }, (_, c) => c),
    logits,
  );
  const target = reshape(cast(targets, 'float32'), [n, 1, ...spatial]);
  const truth = cast(equal(target, numbers), 'float32');
  const logProbabilities = logSoftmax(logits, 1);
  return {
    logits,
    truth,
    logProbabilities,
    probabilities: exp(logProbabilities),
    valid: reduceSum(truth, [1], true),
  };
}

/**
 * Logits [N, classes, ...S] of classes that may be true together, each with a probability of its own (a sigmoid makes
 * it), and the truth [N, classes, ...S]: uint8 or float32 from 0 to 1. Other targets (255 or -1, say) are ignored.
 */
export function labelPrediction(logits: Tensor, targets: Tensor): Prediction {
  imageSizes('labelPrediction', logits, 0);
  if (!sameShape(targets.shape, logits.shape)) {
    throw shapeError(
      `labelPrediction: logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)} differ`,
    );
  }
  const target = cast(targets, 'float32');
  const inRange = and(greaterOrEqual(target, scalar(0)), greaterOrEqual(scalar(1), target));
  const valid = cast(inRange, 'float32');
  return { logits, probabilities: sigmoid(logits), truth: mul(target, valid), valid };
}

/** One number for each class, in the shape [1, classes, 1, ...] in which they broadcast over [N, classes, ...S]. */
export function perClass(values: readonly number[], { shape }: Tensor): Tensor {
  const [, classes, ...spatial] = shape;
  if (values.length !== classes) {
    throw shapeError(
      `losses: expected a weight for each of the ${classes} classes of ${formatShape(shape)}, found ${values.length}`,
    );
  }
  return constant(values, [1, classes, ...spatial.map(() => 1)]);
}
