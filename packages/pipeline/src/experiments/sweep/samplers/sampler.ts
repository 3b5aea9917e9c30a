import type { Point } from '../space/dimension.ts';
import type { Space } from '../space/space.ts';

/** A trial that has ended: `value` is what the sweep maximises, null when it failed. */
export interface Observation {
  readonly trial: number;
  readonly point: Point;
  readonly value: number | null;
}

/** What a sampler proposes from. */
export interface SamplingState {
  readonly space: Space;
  readonly seed: number;
  /** Trials that the sweep was planned for: designs are laid out for so many. */
  readonly size: number | undefined;
  /** Number of the trial to propose, from 1. */
  readonly trial: number;
  /** Points of earlier trials, ended or not. */
  readonly taken: ReadonlySet<string>;
  /** Ended trials, by number. */
  readonly known: readonly Observation[];
}

export interface Proposal {
  readonly point: Point;
  /** How it was found, for the record. */
  readonly by: string;
}

/** Proposes the point of a trial from the state alone, so that a resumed sweep goes on as it would have; undefined: all are taken. */
export type Sampler = (state: SamplingState) => Proposal | undefined;
