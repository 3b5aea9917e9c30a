import type { Shape } from '../graph/shape.ts';

/** A convolution that is to be written in one of the forms that are faster than the plain node. */
export interface EmittedConvolution {
  /** [N, C, ...S]. */
  readonly image: Shape;
  /** [K, C / groups, ...kernel]. */
  readonly weights: Shape;
  /** [N, K, ...S]. */
  readonly result: Shape;
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
}
