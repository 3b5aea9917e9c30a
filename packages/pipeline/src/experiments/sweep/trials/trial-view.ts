import type { TrialState } from '../decisions.ts';
import type { Point } from '../space/dimension.ts';
import type { TrialFault } from './messages.ts';

/** A trial as it stands. */
export interface TrialView {
  readonly trial: number;
  readonly point: Point;
  readonly state: TrialState | 'running' | 'interrupted';
  /** Epochs that have ended. */
  readonly epoch: number;
  /** Best objective of its epochs; of an ended trial that of its model. */
  readonly best: number | null;
  /** 0 to 1: share of its steps. */
  readonly share: number;
  /** What it does. */
  readonly stage: string;
  readonly error?: TrialFault;
}

/** A sweep as it stands, for those who watch. */
export interface SweepView {
  readonly trials: readonly TrialView[];
  /** Trials that there will be, as far as that is known. */
  readonly planned: number | undefined;
  readonly secondsUsed: number;
  /** Estimated. */
  readonly secondsLeft: number | undefined;
  /** What is done besides trials; undefined while trials run. */
  readonly stage?: string;
}

export type SweepWatcher = (view: SweepView) => void;
