import type { NamedArray } from '../weights/safetensors.ts';

/** Everything that a training run needs to go on as if it had never stopped. */
export interface TrainerState {
  /** The network's name, which says its structure. */
  readonly network: string;
  /** Steps done. */
  readonly step: number;
  /** Micro-batches done of the next step. */
  readonly microBatch: number;
  /** Parameters that are not trained: they have values only. */
  readonly frozen: readonly string[];
  /** For parameters that were frozen at first: the step after which their training began. */
  readonly since: Readonly<Record<string, number>>;
  /** `<kind of state>/<parameter or statistic>`, e.g. 'secondMoment/encoder0.conv1.weight'. */
  readonly arrays: Readonly<Record<string, NamedArray>>;
}
