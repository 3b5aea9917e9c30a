import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sameShape, sizeOf } from '../graph/shape.ts';
import type { Network } from '../models/network.ts';
import { checkValues, type Rules } from '../options/check-options.ts';
import { listOf, optional, positive } from '../options/rules.ts';
import type { NamedArray } from '../weights/safetensors.ts';
import { type Declarations, type DeclaredArray, statisticsOf, varianceName } from './declarations.ts';
import type { TrainerState } from './trainer-state.ts';
import { aNormalSource, someWeights } from './training-rules.ts';
import type { Weights } from './weights.ts';

/** The source of randomness that a caller passes in: standard normal numbers, the same for the same seed. */
export interface NormalSource {
  normal(): number;
}

export interface InitialOptions {
  readonly random: NormalSource;
  /** Share of each class among the targets: the head's bias becomes their logarithms. */
  readonly classPriors?: readonly number[];
  /** Weights that are known already; they win. */
  readonly initial?: Weights;
}

export const initialRules: Rules<InitialOptions> = {
  random: aNormalSource,
  classPriors: optional(listOf('positive shares, one for each class', positive)),
  initial: optional(someWeights),
};

/**
 * First weights: all parameters are drawn in the order of the declarations, so that known ones do not change the
 * others; running means are 0, running variances 1.
 */
export function initialWeights(
  network: Network,
  declarations: Declarations,
  options: InitialOptions,
): Weights {
  checkValues('initialWeights', options, initialRules);
  const { random, classPriors, initial = {} } = options;
  const weights: Record<string, NamedArray> = {};
  for (const { name, shape, initialiser } of declarations.parameters) {
    const draw = () => (initialiser.kind === 'fill' ? initialiser.value : initialiser.sd * random.normal());
    weights[name] = { shape, values: Float32Array.from({ length: sizeOf(shape) }, draw) };
  }
  const variances = new Set(declarations.norms.map(({ name }) => varianceName(name)));
  for (const { name, shape } of statisticsOf(declarations.norms)) {
    weights[name] = { shape, values: new Float32Array(sizeOf(shape)).fill(variances.has(name) ? 1 : 0) };
  }
  if (classPriors !== undefined) setHeadBias(weights, classPriors, network);
  for (const [name, given] of Object.entries(initial)) takeOver(weights, name, given);
  return weights;
}

function setHeadBias(weights: Weights, priors: readonly number[], { headBias, classes }: Network): void {
  const bias = headBias === undefined ? undefined : weights[headBias]?.values;
  if (bias === undefined || bias.length !== priors.length || priors.some((share) => !(share > 0))) {
    throw new NetworkError(
      'value-invalid',
      `classPriors: expected ${classes} positive shares, found [${priors.join(', ')}]`,
    );
  }
  bias.set(priors.map(Math.log));
}

function takeOver(weights: Weights, name: string, { shape, values }: NamedArray): void {
  const place = Object.hasOwn(weights, name) ? weights[name] : undefined;
  if (place === undefined || !sameShape(place.shape, shape) || values.length !== place.values.length) {
    throw new NetworkError(
      'state-mismatch',
      `initial: '${name}' is ${formatShape(shape)} with ${values.length} numbers, the network ${place === undefined ? 'has no such array' : `expects ${formatShape(place.shape)}`}.`,
    );
  }
  place.values.set(values);
}

/** The state before the first step: values only, nothing is trained yet. */
export function untrainedState(network: Network, declarations: Declarations, weights: Weights): TrainerState {
  const named = (kind: string, arrays: readonly DeclaredArray[]) =>
    arrays.map(({ name }) => [`${kind}/${name}`, weights[name]!]);
  return {
    network: network.name,
    step: 0,
    microBatch: 0,
    frozen: declarations.parameters.map(({ name }) => name),
    since: {},
    arrays: Object.fromEntries([
      ...named('parameters', declarations.parameters),
      ...named('statistics', statisticsOf(declarations.norms)),
    ]),
  };
}
