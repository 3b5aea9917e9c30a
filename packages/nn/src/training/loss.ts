import type { Shape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Loss } from '../losses/loss.ts';
import {
  type ClassPrediction,
  classPrediction,
  labelPrediction,
  type Prediction,
} from '../losses/prediction.ts';

import { checkValue } from '../options/check-options.ts';
import { aFunction, objectWith, oneOf, type Rule } from '../options/rules.ts';

export interface TargetType {
  readonly shape: Shape;
  readonly type: 'uint8' | 'float32';
  /** uint8 targets: values from here on are mistakes, except for `ignoredTarget`. */
  readonly values?: number;
}

/** The uint8 target that marks what does not count. */
export const ignoredTarget = 255;

/** What training makes small, and what it reports beside it. */
export interface TrainingLoss {
  /** Shape and type of the targets for logits [N, classes, ...]. */
  targets(logits: Shape): TargetType;
  /** The loss as graph; its parts are reported by every step. All must be finite: else the step is not taken over. */
  build(logits: Tensor, targets: Tensor): Loss;
}

export const aTrainingLoss: Rule = objectWith(
  'a loss for training, as segmentation({ ... }), classification(), ofClasses or ofLabels give',
  { targets: aFunction, build: aFunction },
);

/** One class for each pixel or image: the targets of logits [N, classes, ...S] are uint8 [N, ...S]. */
export function classTargets([n, classes, ...spatial]: Shape): TargetType {
  return { shape: [n!, ...spatial], type: 'uint8', values: classes! };
}

/**
 * A loss of one class per target, of pixels or whole images: logits [N, classes, ...S], targets [N, ...S] uint8;
 * 255 is ignored.
 */
export function ofClasses(build: (prediction: ClassPrediction) => Loss): TrainingLoss {
  checkValue('ofClasses: build', build, aFunction);
  return {
    targets: classTargets,
    build: (logits, targets) => build(classPrediction(logits, targets)),
  };
}

/**
 * A loss of classes that may be true together: logits and targets [N, classes, ...S], targets 0 or 1 as uint8
 * (255 is ignored), or from 0 to 1 as float32 (others are ignored).
 */
export function ofLabels(
  build: (prediction: Prediction) => Loss,
  type: TargetType['type'] = 'uint8',
): TrainingLoss {
  checkValue('ofLabels: build', build, aFunction);
  checkValue('ofLabels: type', type, oneOf('uint8', 'float32'));
  return {
    targets: (shape) => ({ shape, type, ...(type === 'uint8' && { values: 2 }) }),
    build: (logits, targets) => build(labelPrediction(logits, targets)),
  };
}
