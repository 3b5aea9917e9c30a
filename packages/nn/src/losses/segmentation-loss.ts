import type { Tensor } from '../graph/tensor.ts';
import { checkOptions, type Rules } from '../options/check-options.ts';
import { flag, fromZero, optional } from '../options/rules.ts';
import { crossEntropy } from './cross-entropy.ts';
import { combine } from './loss.ts';
import { classWeightList } from './loss-rules.ts';
import { softDice } from './overlap.ts';
import { classPrediction } from './prediction.ts';

export interface SegmentationLossOptions {
  readonly crossEntropyWeight: number;
  readonly diceWeight: number;
  /** Weight of each class in the cross-entropy. */
  readonly classWeights: readonly number[];
  /** Leave class 0 out of the Dice loss (default: yes). */
  readonly skipBackground?: boolean;
}

export const segmentationRules: Rules<SegmentationLossOptions> = {
  crossEntropyWeight: fromZero,
  diceWeight: fromZero,
  classWeights: classWeightList,
  skipBackground: optional(flag),
};

export interface SegmentationLoss {
  /** Scalar: crossEntropyWeight * crossEntropy + diceWeight * (1 - mean soft Dice of the counted classes). */
  readonly loss: Tensor;
  readonly crossEntropy: Tensor;
  /** Soft Dice of every class over the whole batch [classes]. */
  readonly dice: Tensor;
}

/**
 * Weighted cross-entropy plus soft Dice over the batch, from logits [N, classes, ...S] and classes [N, ...S] (uint8).
 * A target that is no class (255, say) weighs nothing in the cross-entropy and lies in no class for Dice.
 */
export function segmentationLoss(
  logits: Tensor,
  targets: Tensor,
  options: SegmentationLossOptions,
): SegmentationLoss {
  checkOptions('segmentationLoss', options, segmentationRules);
  const { classWeights, crossEntropyWeight, diceWeight, skipBackground = true } = options;
  const prediction = classPrediction(logits, targets);
  const entropy = crossEntropy(prediction, { classWeights });
  const dice = softDice(prediction, { skipBackground, maskIgnored: false });
  const { loss } = combine([
    { weight: crossEntropyWeight, of: entropy },
    { weight: diceWeight, of: dice },
  ]);
  return { loss, crossEntropy: entropy.loss, dice: dice.parts.dice! };
}
