import type { Shape } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Where the first values of a parameter come from. */
export type Initialiser =
  /** Normal with mean 0 and standard deviation `sd`. */
  { readonly kind: 'normal'; readonly sd: number } | { readonly kind: 'fill'; readonly value: number };

/** Normal with variance 2 / fanIn (He et al., 2015), for layers before a ReLU; fanIn is inputs per output. */
export function heNormal(fanIn: number): Initialiser {
  return { kind: 'normal', sd: Math.sqrt(2 / fanIn) };
}

/** Every number the same. */
export function fill(value: number): Initialiser {
  return { kind: 'fill', value };
}

export interface ParameterSpec {
  readonly shape: Shape;
  readonly initialiser: Initialiser;
  /** Weights of convolutions and linear layers decay; biases and the gains and shifts of norms do not. */
  readonly decays: boolean;
}

export interface BatchNormOptions {
  /** Added to the variance. */
  readonly epsilon: number;
  /** Share of the new batch in the running statistics. */
  readonly momentum: number;
}

export interface Affine {
  /** Gain per channel [C]. */
  readonly gamma: Tensor;
  /** Shift per channel [C]. */
  readonly beta: Tensor;
}

/**
 * What a network asks for while it builds its forward graph, by full dotted names ('layer1.0.conv1.weight'). The same
 * network code serves training, evaluation and export: only the source differs.
 */
export interface ScopeSource {
  /** The parameter `name`; declares it. */
  parameter(name: string, spec: ParameterSpec): Tensor;
  /** Normalises x [N, C, ...] with running statistics `name.running_mean` and `name.running_var`; declares them. */
  batchNorm(name: string, x: Tensor, affine: Affine, options: BatchNormOptions): Tensor;
  /** In training, x with a share `rate` of its elements zeroed and the others scaled by 1 / (1 - rate). */
  dropout(name: string, x: Tensor, rate: number): Tensor;
}

/** A place in a network's tree of names. */
export interface Scope {
  /** Dotted name of this place, '' at the root. */
  readonly path: string;
  /** The place `name` below this one. */
  child(name: string): Scope;
  /** The parameter `path.name`. */
  parameter(name: string, spec: ParameterSpec): Tensor;
  batchNorm(x: Tensor, affine: Affine, options: BatchNormOptions): Tensor;
  dropout(x: Tensor, rate: number): Tensor;
}

/** The place `path` (the root without one) of a network whose parameters and norms come from `source`. */
export function scopeOf(source: ScopeSource, path = ''): Scope {
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  return {
    path,
    child: (name) => scopeOf(source, below(name)),
    parameter: (name, spec) => source.parameter(below(name), spec),
    batchNorm: (x, affine, options) => source.batchNorm(path, x, affine, options),
    dropout: (x, rate) => source.dropout(path, x, rate),
  };
}
