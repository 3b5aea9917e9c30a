import type { Shape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Where the first values of a parameter come from. */
export type Initialiser =
  /** Normal with mean 0 and variance 2 / fanIn (He et al., 2015), for layers before a ReLU. */
  { readonly kind: 'he-normal'; readonly fanIn: number } | { readonly kind: 'fill'; readonly value: number };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly initialiser: Initialiser;
  /** Convolution weights decay; biases and the gains and shifts of norms do not. */
  readonly decays: boolean;
}

export interface BatchNormTensors {
  readonly gamma: Tensor;
  readonly beta: Tensor;
}

/**
 * What a network asks for while it builds its forward graph. The same network code serves training, evaluation
 * and export: only the scope differs.
 */
export interface Scope {
  /** The parameter `spec.name`; declares it. */
  parameter(spec: ParameterSpec): Tensor;
  /** Normalises `x` with the parameters and running statistics under `name`; declares the statistics. */
  normalise(name: string, x: Tensor, affine: BatchNormTensors): Tensor;
}
