import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sameShape } from '../graph/shape.ts';
import { constant, scalar, type Tensor } from '../graph/tensor.ts';
import { add, cast, div, equal, exp, mul, neg, sub } from '../operators/elementwise.ts';
import { imageShape, reshape, slice } from '../operators/layout.ts';
import { reduceSum } from '../operators/reduce.ts';
import { logSoftmax } from '../operators/softmax.ts';

export interface SegmentationLossOptions {
  readonly crossEntropyWeight: number;
  readonly diceWeight: number;
  /** Weight of each class in the cross-entropy. */
  readonly classWeights: readonly number[];
  /** Leave class 0 out of the Dice loss (default: yes). */
  readonly skipBackground?: boolean;
}

export interface SegmentationLoss {
  /** Scalar: crossEntropyWeight * crossEntropy + diceWeight * (1 - mean soft Dice of the counted classes). */
  readonly loss: Tensor;
  readonly crossEntropy: Tensor;
  /** Soft Dice of every class over the whole batch [classes]. */
  readonly dice: Tensor;
}

/** Added to numerator and denominator of Dice: a class that is absent and not predicted scores 1. */
const diceSmoothing = 1;

/** Keeps the cross-entropy of a batch in which every pixel is ignored at 0 instead of 0 / 0. */
const tiny = 1e-12;

/**
 * Weighted cross-entropy plus soft Dice from logits [N, classes, H, W] and classes [N, H, W] (uint8).
 * Cross-entropy: - sum w[t] ln p[t] / sum w[t], as in PyTorch. Dice per class, over the batch (Milletari et al.,
 * V-Net, 2016, with plain sums as in nnU-Net): (2 sum p t + 1) / (sum p + sum t + 1).
 * A target that is no class (255, say) weighs nothing in the cross-entropy and lies in no class for Dice.
 */
export function segmentationLoss(
  logits: Tensor,
  targets: Tensor,
  options: SegmentationLossOptions,
): SegmentationLoss {
  const [n, classes, h, w] = imageShape('segmentationLoss', logits);
  const { classWeights, crossEntropyWeight, diceWeight, skipBackground = true } = options;
  if (!sameShape(targets.shape, [n, h, w]) || classWeights.length !== classes) {
    throw new NetworkError(
      'shape-mismatch',
      `segmentationLoss: logits ${formatShape(logits.shape)}, targets ${formatShape(targets.shape)} and ${classWeights.length} class weights do not fit: expected targets ${formatShape([n, h, w])} and ${classes} weights`,
    );
  }
  const numbers = constant(
    Float32Array.from({ length: classes }, (_, c) => c),
    [1, classes, 1, 1],
  );
  const target = reshape(cast(targets, 'float32'), [n, 1, h, w]);
  const truth = cast(equal(target, numbers), 'float32');
  const logProbabilities = logSoftmax(logits, 1);
  const weighted = mul(truth, constant(classWeights, [1, classes, 1, 1]));
  const weight = add(reduceSum(weighted), scalar(tiny));
  const crossEntropy = div(neg(reduceSum(mul(weighted, logProbabilities))), weight);

  const probabilities = exp(logProbabilities);
  const pixels = [0, 2, 3];
  const overlap = reduceSum(mul(probabilities, truth), pixels);
  const sizes = add(reduceSum(probabilities, pixels), reduceSum(truth, pixels));
  const smoothing = scalar(diceSmoothing);
  const dice = div(add(mul(overlap, scalar(2)), smoothing), add(sizes, smoothing));
  const counted = skipBackground ? slice(dice, 0, 1, classes) : dice;
  const diceLoss = sub(scalar(1), div(reduceSum(counted), scalar(counted.shape[0]!)));
  return {
    loss: add(mul(crossEntropy, scalar(crossEntropyWeight)), mul(diceLoss, scalar(diceWeight))),
    crossEntropy,
    dice,
  };
}
