import type { Optimiser } from '../optimisers/optimiser.ts';
import type { NetworkLayout, Placed } from './layout.ts';

/** A flat vector that passes from step to step. */
export interface StateVector {
  /** As input of the training graph: the kind, and the segment's number where there is one for each. */
  readonly name: string;
  /** 'parameters', 'statistics', what the optimiser remembers, ...: the beginning of its arrays' saved names. */
  readonly kind: string;
  readonly places: readonly Placed[];
  readonly size: number;
}

export interface KeptState {
  readonly optimiser: Optimiser;
  /** Decay of the moving average of weights and running statistics; 0 keeps none. */
  readonly averageDecay: number;
  /** Micro-batches whose mean gradient makes a step; more than one keep their sum. */
  readonly microBatches: number;
}

/** Name of the vector of a kind that the segments have one each of. */
export function segmentVector(kind: string, segment: number): string {
  return `${kind}/${segment}`;
}

/** All vectors of a training graph, kind by kind. */
export function stateVectors(
  { segments, statistics, statisticCount }: NetworkLayout,
  { optimiser, averageDecay, microBatches }: KeptState,
): StateVector[] {
  const ofSegments = (kind: string): StateVector[] =>
    segments.map(({ parameters, size }, i) => ({
      name: segmentVector(kind, i),
      kind,
      places: parameters,
      size,
    }));
  const ofStatistics = (kind: string): StateVector[] =>
    statisticCount === 0 ? [] : [{ name: kind, kind, places: statistics, size: statisticCount }];
  return [
    ...ofSegments('parameters'),
    ...optimiser.memory.flatMap(ofSegments),
    ...ofStatistics('statistics'),
    ...(averageDecay > 0 ? [...ofSegments('averageParameters'), ...ofStatistics('averageStatistics')] : []),
    ...(microBatches > 1 ? ofSegments('gradientSum') : []),
  ];
}
