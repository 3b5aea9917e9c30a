import { type Shape, sizeOf } from '../graph/shape.ts';
import {
  type Declarations,
  type DeclaredArray,
  type DeclaredNorm,
  type DeclaredParameter,
  statisticsOf,
} from './declarations.ts';
import type { Treatment } from './groups.ts';

/** Where a named array lies in a flat vector. */
export interface Placed {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

/** Parameters that the optimiser treats alike: a flat vector, elementwise from end to end. */
export interface Segment {
  readonly parameters: readonly Placed[];
  readonly size: number;
  /** Factor on the learning rate. */
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Steps done when these parameters began to be trained: their moments were zero then. */
  readonly since: number;
}

/** How what is trained of a network lies in flat vectors, and what is not trained. */
export interface NetworkLayout {
  readonly segments: readonly Segment[];
  /** Running statistics of the norms that are trained, in one vector. */
  readonly statistics: readonly Placed[];
  readonly statisticCount: number;
  readonly norms: readonly DeclaredNorm[];
  readonly frozenParameters: readonly DeclaredParameter[];
  readonly frozenNorms: readonly DeclaredNorm[];
  readonly frozenStatistics: readonly DeclaredArray[];
}

/** Places parameters and running statistics; `since` tells from which step on a parameter has been trained. */
export function layoutOf(
  { parameters, norms }: Declarations,
  treatments: ReadonlyMap<string, Treatment>,
  since: (name: string) => number = () => 0,
): NetworkLayout {
  const isFrozen = (name: string) => treatments.get(name)!.frozen;
  const alike = new Map<string, DeclaredParameter[]>();
  for (const parameter of parameters) {
    if (isFrozen(parameter.name)) continue;
    const { learningRate, weightDecay } = treatments.get(parameter.name)!;
    const key = `${learningRate} ${weightDecay} ${since(parameter.name)}`;
    alike.set(key, [...(alike.get(key) ?? []), parameter]);
  }
  const segments = [...alike.values()].map((members) => {
    const { name } = members[0]!;
    const { learningRate, weightDecay } = treatments.get(name)!;
    const placed = place(members);
    return { parameters: placed, size: total(placed), learningRate, weightDecay, since: since(name) };
  });
  const frozenNorms = norms.filter((norm) => isFrozenNorm(norm, isFrozen));
  const trainedNorms = norms.filter((norm) => !frozenNorms.includes(norm));
  const statistics = place(statisticsOf(trainedNorms));
  return {
    segments,
    statistics,
    statisticCount: total(statistics),
    norms: trainedNorms,
    frozenParameters: parameters.filter(({ name }) => isFrozen(name)),
    frozenNorms,
    frozenStatistics: statisticsOf(frozenNorms),
  };
}

/** A norm is frozen with its gain and shift; one that has neither is always trained. */
export function isFrozenNorm({ affine }: DeclaredNorm, isFrozen: (name: string) => boolean): boolean {
  return affine.length > 0 && affine.every(isFrozen);
}

function place(items: readonly DeclaredArray[]): Placed[] {
  let offset = 0;
  return items.map(({ name, shape }) => {
    const placed = { name, shape, offset, size: sizeOf(shape) };
    offset += placed.size;
    return placed;
  });
}

function total(items: readonly Placed[]): number {
  return items.reduce((sum, { size }) => sum + size, 0);
}
