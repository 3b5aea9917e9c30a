import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sameShape } from '../graph/shape.ts';
import type { Network } from '../models/network.ts';
import { checkValue } from '../options/check-options.ts';
import type { NamedArray } from '../weights/safetensors.ts';
import { type Declarations, type DeclaredArray, statisticsOf } from './declarations.ts';
import type { Treatment } from './groups.ts';
import { isFrozenNorm, layoutOf, type NetworkLayout } from './layout.ts';
import { type KeptState, type StateVector, stateVectors } from './state-vectors.ts';
import type { TrainerState } from './trainer-state.ts';
import { aState } from './training-rules.ts';
import type { Weights } from './weights.ts';

/** What a state must fit. */
export interface StateReader extends KeptState {
  readonly network: Network;
  readonly declarations: Declarations;
}

/** A state as the training graph takes it. */
export interface LaidOutState {
  readonly layout: NetworkLayout;
  readonly vectors: Readonly<Record<string, Float32Array>>;
  /** Parameters and statistics that are constants of the graph. */
  readonly frozen: Weights;
}

/**
 * Lays a state out for training with the given treatments. What was trained goes on as it was. What was frozen and is
 * trained now starts with zero moments, its own count of steps, and itself as its average; what was trained and is
 * frozen now keeps its value only. Copies the numbers.
 *
 * Throws a `NetworkError` ('state-mismatch') that lists what is missing, not wanted, or of another shape.
 */
export function layOutState(
  state: TrainerState,
  treatments: ReadonlyMap<string, Treatment>,
  reader: StateReader,
): LaidOutState {
  const { parameters, norms } = reader.declarations;
  checkState(state, reader);
  const wasFrozen = new Set(state.frozen);
  const since = (name: string) => (wasFrozen.has(name) ? state.step : (state.since[name] ?? 0));
  const layout = layoutOf(reader.declarations, treatments, since);
  const isInside = new Set(
    layout.segments.flatMap(({ parameters: placed }) => placed.map(({ name }) => name)),
  );
  if (isInside.size === 0) {
    throw new NetworkError('value-invalid', 'The groups freeze every parameter: there is nothing to train.');
  }
  const isNew = parameters.some(({ name }) => isInside.has(name) === wasFrozen.has(name));
  if (state.microBatch > 0 && isNew) {
    throw new NetworkError(
      'value-invalid',
      `What is frozen can change between steps only, but ${state.microBatch} of ${reader.microBatches} micro-batches are done.`,
    );
  }
  // A norm that was frozen has no average of its statistics, either.
  const newStatistics = statisticsOf(
    norms.filter((norm) => isFrozenNorm(norm, (name) => wasFrozen.has(name))),
  );
  const valueOnly = new Set([...wasFrozen, ...newStatistics.map(({ name }) => name)]);
  const vectors = stateVectors(layout, reader).map((vector) => [vector.name, fill(vector, state, valueOnly)]);
  const copied =
    (kind: string) =>
    ({ name, shape }: DeclaredArray) => [
      name,
      { shape, values: state.arrays[`${kind}/${name}`]!.values.slice() },
    ];
  return {
    layout,
    vectors: Object.fromEntries(vectors),
    frozen: Object.fromEntries([
      ...layout.frozenParameters.map(copied('parameters')),
      ...layout.frozenStatistics.map(copied('statistics')),
    ]),
  };
}

/** Where an average starts that there is none of yet. */
const valueKinds: Readonly<Record<string, string>> = {
  averageParameters: 'parameters',
  averageStatistics: 'statistics',
};

function fill(
  { kind, places, size }: StateVector,
  { arrays }: TrainerState,
  valueOnly: ReadonlySet<string>,
): Float32Array {
  const vector = new Float32Array(size);
  for (const { name, offset } of places) {
    const from = valueOnly.has(name) ? (valueKinds[kind] ?? kind) : kind;
    // Absent are only moments of new parameters and sums of no gradients: zeros.
    const array = arrays[`${from}/${name}`];
    if (array !== undefined) vector.set(array.values, offset);
  }
  return vector;
}

/** The arrays that a state must have, with their shapes. */
function wantedArrays(
  { frozen, microBatch }: TrainerState,
  { declarations, optimiser, averageDecay }: StateReader,
): Map<string, DeclaredArray> {
  const { parameters, norms } = declarations;
  const isFrozen = (name: string) => frozen.includes(name);
  const trained = parameters.filter(({ name }) => !isFrozen(name));
  const trainedNorms = norms.filter((norm) => !isFrozenNorm(norm, isFrozen));
  const kinds: [string, readonly DeclaredArray[]][] = [
    ['parameters', parameters],
    ...optimiser.memory.map((kind): [string, readonly DeclaredArray[]] => [kind, trained]),
    ['statistics', statisticsOf(norms)],
    ['averageParameters', averageDecay > 0 ? trained : []],
    ['averageStatistics', averageDecay > 0 ? statisticsOf(trainedNorms) : []],
    ['gradientSum', microBatch > 0 ? trained : []],
  ];
  return new Map(
    kinds.flatMap(([kind, arrays]) => arrays.map((array) => [`${kind}/${array.name}`, array] as const)),
  );
}

function checkState(state: TrainerState, reader: StateReader): void {
  checkValue('state', state, aState);
  const { network, arrays, frozen, since, step, microBatch } = state;
  const problems: string[] = [];
  // The same arrays may belong to another structure: other activations, other padding.
  if (network !== reader.network.name) problems.push('it is of another network');
  if (![step, microBatch].every((count) => Number.isSafeInteger(count) && count >= 0)) {
    problems.push(`step ${step} and micro-batch ${microBatch} are no counts`);
  }
  const known = new Set(reader.declarations.parameters.map(({ name }) => name));
  for (const name of [...frozen, ...Object.keys(since)]) {
    if (!known.has(name)) problems.push(`the parameter ${name} is not wanted`);
  }
  const wanted = wantedArrays(state, reader);
  for (const [key, { shape }] of wanted) {
    const array: NamedArray | undefined = Object.hasOwn(arrays, key) ? arrays[key] : undefined;
    if (array === undefined) problems.push(`${key} is missing`);
    else if (!sameShape(array.shape, shape)) {
      problems.push(`${key} is ${formatShape(array.shape)}, expected ${formatShape(shape)}`);
    } else if (!array.values.every(Number.isFinite)) problems.push(`${key} holds NaN or infinity`);
  }
  for (const key of Object.keys(arrays)) if (!wanted.has(key)) problems.push(`${key} is not wanted`);
  if (microBatch >= reader.microBatches) {
    problems.push(`${microBatch} micro-batches are done of a step that has ${reader.microBatches}`);
  }
  if (problems.length === 0) return;
  const shown = problems.slice(0, 5).join('; ');
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  throw new NetworkError(
    'state-mismatch',
    `The saved state of '${network}' does not fit '${reader.network.name}': ${shown}${more}.`,
  );
}
