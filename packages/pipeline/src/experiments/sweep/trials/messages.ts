import type { EpochMetrics } from '../../../train/metrics.ts';
import type { TrainOptions, TrainSummary } from '../../../train/train-run.ts';

/** What a trial's process is told of its training. */
export type TrialOptions = Omit<TrainOptions, 'goOn'>;

/** To a trial's process. */
export type TrialRequest =
  | { readonly kind: 'run'; readonly options: TrialOptions }
  /** The answer to `epoch`. */
  | { readonly kind: 'decided'; readonly goOn: boolean };

export interface TrialProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

export interface TrialFault {
  /** Of typed errors; `internal` for others, `killed` when the process ended by itself. */
  readonly code: string;
  readonly message: string;
}

/** What of a finished training the sweep remembers. */
export type TrialSummary = Pick<
  TrainSummary,
  'steps' | 'bestEpoch' | 'bestStep' | 'validation' | 'planHash' | 'modelHash'
>;

/** From a trial's process. */
export type TrialReply =
  | ({ readonly kind: 'progress' } & TrialProgress)
  | { readonly kind: 'epoch'; readonly epoch: EpochMetrics }
  | { readonly kind: 'finished'; readonly summary: TrialSummary }
  | { readonly kind: 'failed'; readonly fault: TrialFault };
