import {
  type SegmentationLossOptions,
  segmentationLoss,
  segmentationRules,
} from '../losses/segmentation-loss.ts';
import { checkOptions } from '../options/check-options.ts';

import { classTargets, type TrainingLoss } from './loss.ts';

/**
 * `segmentationLoss` for training: logits [N, classes, ...S], targets [N, ...S] uint8 (255 is ignored). Reports `crossEntropy` and the soft `dice` of every class over the batch, before the step.
 */
export function segmentation(options: SegmentationLossOptions): TrainingLoss {
  checkOptions('segmentation', options, segmentationRules);
  return {
    targets: classTargets,
    build: (logits, targets) => {
      const { loss, crossEntropy, dice } = segmentationLoss(logits, targets, options);
      return { loss, parts: { crossEntropy, dice } };
    },
  };
}
