import type { Shape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

export interface TargetType {
  readonly shape: Shape;
  readonly type: 'uint8' | 'float32';
}

/** What training makes small, and what it reports beside it. */
export interface TrainingLoss {
  /** Shape and type of the targets for logits [N, classes, ...]. */
  targets(logits: Shape): TargetType;
  /**
   * The loss, a scalar, as graph, and further numbers of any shape that every step reports. All of them must be
   * finite: a step with others is not taken over.
   */
  build(
    logits: Tensor,
    targets: Tensor,
  ): { readonly loss: Tensor; readonly report: Readonly<Record<string, Tensor>> };
}
