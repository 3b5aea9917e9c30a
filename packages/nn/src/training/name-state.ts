import type { NamedArray } from '../weights/safetensors.ts';
import { type Declarations, statisticsOf } from './declarations.ts';
import type { LaidOutState } from './lay-out-state.ts';
import type { StateVector } from './state-vectors.ts';
import type { TrainerState } from './trainer-state.ts';
import type { Weights } from './weights.ts';

export interface Progress {
  readonly network: string;
  readonly step: number;
  readonly microBatch: number;
}

type Arrays = ReadonlyMap<string, NamedArray>;

/**
 * The state whose vectors these are, with a name for every part; kinds and parts in a fixed order. Views
 * of the vectors; what is frozen is copied.
 */
export function nameState(
  laidOut: LaidOutState,
  state: readonly StateVector[],
  declarations: Declarations,
  progress: Progress,
): TrainerState {
  const { layout } = laidOut;
  const found = arraysOf(laidOut, state);
  const kinds = new Set(['parameters', ...state.map(({ kind }) => kind)]);
  kinds.add('statistics');
  // Sums of no gradients are zeros.
  if (progress.microBatch === 0) kinds.delete('gradientSum');
  const parts = [...declarations.parameters, ...statisticsOf(declarations.norms)];
  const keys = [...kinds].flatMap((kind) => parts.map(({ name }) => `${kind}/${name}`));
  return {
    ...progress,
    frozen: layout.frozenParameters.map(({ name }) => name),
    since: Object.fromEntries(
      layout.segments
        .filter(({ since }) => since > 0)
        .flatMap(({ parameters, since }) => parameters.map(({ name }) => [name, since])),
    ),
    arrays: Object.fromEntries(
      keys.flatMap((key) => {
        const array = found.get(key);
        return array === undefined ? [] : [[key, array]];
      }),
    ),
  };
}

/** The network's numbers now: averages where there are any and they are asked for. */
export function weightsOf(
  { arrays }: TrainerState,
  { parameters, norms }: Declarations,
  averaged: boolean,
): Weights {
  const newest =
    (kind: string, average: string) =>
    ({ name }: { readonly name: string }) => [
      name,
      (averaged ? arrays[`${average}/${name}`] : undefined) ?? arrays[`${kind}/${name}`]!,
    ];
  return Object.fromEntries([
    ...parameters.map(newest('parameters', 'averageParameters')),
    ...statisticsOf(norms).map(newest('statistics', 'averageStatistics')),
  ]);
}

function arraysOf({ layout, vectors, frozen }: LaidOutState, state: readonly StateVector[]): Arrays {
  const arrays = new Map<string, NamedArray>();
  for (const { name: vector, kind, places } of state) {
    for (const { name, shape, offset, size } of places) {
      arrays.set(`${kind}/${name}`, { shape, values: vectors[vector]!.subarray(offset, offset + size) });
    }
  }
  const constants = [
    ...layout.frozenParameters.map(({ name }) => ['parameters', name] as const),
    ...layout.frozenStatistics.map(({ name }) => ['statistics', name] as const),
  ];
  for (const [kind, name] of constants) {
    const { shape, values } = frozen[name]!;
    arrays.set(`${kind}/${name}`, { shape, values: values.slice() });
  }
  return arrays;
}
