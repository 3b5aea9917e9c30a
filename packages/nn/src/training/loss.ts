import type { Shape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Loss } from '../losses/loss.ts';
import {
  type ClassPrediction,
  classPrediction,
  labelPrediction,
  type Prediction,
} from '../losses/prediction.ts';

export interface TargetType {
  readonly shape: Shape;
  readonly type: 'uint8' | 'float32';
}

/** What training makes small, and what it reports beside it. */
export interface TrainingLoss {
  /** Shape and type of the targets for logits [N, classes, ...]. */
  targets(logits: Shape): TargetType;
  /** The loss as graph; its parts are reported by every step. All must be finite: else the step is not taken over. */
  build(logits: Tensor, targets: Tensor): Loss;
}

/**
 * A loss of one class per target, of pixels or whole images: logits [N, classes, ...S], targets [N, ...S] uint8; a
 * value that is no class is ignored.
 */
export function ofClasses(build: (prediction: ClassPrediction) => Loss): TrainingLoss {
  return {
    targets: ([n, , ...spatial]) => ({ shape: [n!, ...spatial], type: 'uint8' }),
    build: (logits, targets) => build(classPrediction(logits, targets)),
  };
}

/**
 * A loss of classes that may be true together: logits and targets [N, classes, ...S], targets 0 or 1 as uint8, or
 * from 0 to 1 as float32; others are ignored.
 */
export function ofLabels(
  build: (prediction: Prediction) => Loss,
  type: TargetType['type'] = 'uint8',
): TrainingLoss {
  return {
    targets: (shape) => ({ shape, type }),
    build: (logits, targets) => build(labelPrediction(logits, targets)),
  };
}
