import { NetworkError } from '../errors/network-error.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { type BatchNormOptions, type ParameterSpec, type ScopeSource, scopeOf } from '../layers/scope.ts';
import { aNetwork, type Network, smallestShape } from '../models/network.ts';

import { checkValue } from '../options/check-options.ts';
import { anImageShape } from './training-rules.ts';

export interface DeclaredParameter extends ParameterSpec {
  readonly name: string;
}

export interface DeclaredNorm {
  readonly name: string;
  readonly channels: number;
  readonly options: BatchNormOptions;
  /** Names of the parameters that are its gain and shift. */
  readonly affine: readonly string[];
}

/** An array of a known shape. */
export interface DeclaredArray {
  readonly name: string;
  readonly shape: Shape;
}

/** What a network asks of its scope. */
export interface Declarations {
  /** Those that decay first, both kinds in the order in which the network declares them. */
  readonly parameters: readonly DeclaredParameter[];
  readonly parameterCount: number;
  readonly norms: readonly DeclaredNorm[];
}

/**
 * Runs the network's forward function once to learn what it declares. Parameters of a network with linear layers can
 * depend on the size of its images [N, C, ...S].
 */
export function declarationsOf(network: Network, imageShape?: Shape): Declarations {
  checkValue('declarationsOf: network', network, aNetwork);
  const size = imageShape ?? smallestShape(network);
  checkValue('declarationsOf: imageShape', size, anImageShape);
  const parameters = new Map<string, DeclaredParameter>();
  const norms = new Map<string, DeclaredNorm>();
  const names = new Map<Tensor, string>();
  const assertNew = (kind: string, name: string, known: ReadonlyMap<string, unknown>): void => {
    if (!known.has(name)) return;
    throw new NetworkError('value-invalid', `${network.name} declares the ${kind} '${name}' twice`);
  };
  const source: ScopeSource = {
    parameter: (name, spec) => {
      assertNew('parameter', name, parameters);
      parameters.set(name, { ...spec, name });
      const tensor = input(name, spec.shape);
      names.set(tensor, name);
      return tensor;
    },
    dropout: (_, x) => x,
    batchNorm: (name, x, { gamma, beta }, options) => {
      assertNew('norm', name, norms);
      const affine = [gamma, beta].flatMap((tensor) => names.get(tensor) ?? []);
      norms.set(name, { name, channels: x.shape[1]!, options, affine });
      return x;
    },
  };
  network.forward(scopeOf(source), input('image', size));
  const all = [...parameters.values()];
  return {
    parameters: [...all.filter(({ decays }) => decays), ...all.filter(({ decays }) => !decays)],
    parameterCount: all.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    norms: [...norms.values()],
  };
}

/** Name of the running mean of a batch norm, as in PyTorch. */
export function meanName(norm: string): string {
  return `${norm}.running_mean`;
}

/** Name of the running variance of a batch norm, as in PyTorch. */
export function varianceName(norm: string): string {
  return `${norm}.running_var`;
}

/** Running mean and variance of each norm. */
export function statisticsOf(norms: readonly DeclaredNorm[]): DeclaredArray[] {
  return norms.flatMap(({ name, channels }) => [
    { name: meanName(name), shape: [channels] },
    { name: varianceName(name), shape: [channels] },
  ]);
}
