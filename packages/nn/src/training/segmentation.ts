import { type SegmentationLossOptions, segmentationLoss } from '../losses/segmentation-loss.ts';
import type { TrainingLoss } from './loss.ts';

/**
 * `segmentationLoss` for training: logits [N, classes, ...S], targets [N, ...S] uint8 (a value that is no class is
 * ignored). Reports `crossEntropy` and the soft `dice` of every class over the batch, before the step.
 */
export function segmentation(options: SegmentationLossOptions): TrainingLoss {
  return {
    targets: ([n, , ...spatial]) => ({ shape: [n!, ...spatial], type: 'uint8' }),
    build: (logits, targets) => {
      const { loss, crossEntropy, dice } = segmentationLoss(logits, targets, options);
      return { loss, parts: { crossEntropy, dice } };
    },
  };
}
