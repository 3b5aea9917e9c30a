import type { Tensor } from '../graph/tensor.ts';

/** When a rate is computed. */
export interface UpdateTime {
  /** Learning rate of the segment in this step. */
  readonly learningRate: number;
  /** Steps of the segment, this one included: from 1. */
  readonly step: number;
}

/** Parameters that are treated alike, as one flat vector, with what the optimiser remembers of them. */
export interface OptimisedSegment {
  readonly parameters: Tensor;
  readonly gradient: Tensor;
  /** The vectors that the optimiser's `memory` names. */
  readonly memory: Readonly<Record<string, Tensor>>;
  /** 0 for parameters that do not decay. */
  readonly weightDecay: number;
  /** A scalar that is computed anew for every step, in float64 outside the graph. */
  rate(compute: (time: UpdateTime) => number): Tensor;
}

/** Segment and memory after a step. */
export interface OptimiserUpdate {
  readonly parameters: Tensor;
  readonly memory: Readonly<Record<string, Tensor>>;
}

/** An update rule: elementwise, from vectors to vectors. */
export interface Optimiser {
  /** Decay of parameters that do decay, unless their group has its own. */
  readonly weightDecay: number;
  /** Names of the vectors kept between steps, each as long as the parameters and zero at first. */
  readonly memory: readonly string[];
  update(segment: OptimisedSegment): OptimiserUpdate;
}
