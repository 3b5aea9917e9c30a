import { input, type Tensor } from '../graph/tensor.ts';

/** When a number is computed. */
export interface StepTime {
  /** Of this step. */
  readonly learningRate: number;
  /** Of this step, counted from 1. */
  readonly step: number;
  /** Whether the micro-batch is the step's last one. */
  readonly isLast: boolean;
}

/** A scalar input of the training graph, computed in float64 for every run. */
export interface StepNumber {
  readonly name: string;
  readonly compute: (time: StepTime) => number;
}

/** Collects the numbers that the parts of a graph need. */
export interface StepNumbers {
  readonly all: readonly StepNumber[];
  declare(compute: StepNumber['compute']): Tensor;
}

/** An empty collection. */
export function stepNumbers(): StepNumbers {
  const all: StepNumber[] = [];
  return {
    all,
    declare: (compute) => {
      const name = `number/${all.length}`;
      all.push({ name, compute });
      return input(name, []);
    },
  };
}
