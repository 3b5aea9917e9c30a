import { NetworkError } from '../../errors/network-error.ts';
import { type CosineOptions, cosine } from './cosine.ts';
import { type OneCycleOptions, oneCycle } from './one-cycle.ts';
import { type PolynomialOptions, polynomial } from './polynomial.ts';
import { type StepDecayOptions, stepDecay } from './step-decay.ts';

interface ConstantOptions {
  readonly name: 'constant';
}

/** How the learning rate changes, as plain data. */
export type ScheduleOptions = (
  | ConstantOptions
  | StepDecayOptions
  | PolynomialOptions
  | CosineOptions
  | OneCycleOptions
) & {
  /**
   * Before the schedule begins, the rate rises in so many equal steps: 1 / (n + 1), 2 / (n + 1), ... They count among
   * the steps of the whole training. Default 0.
   */
  readonly warmUpSteps?: number;
};

/** The factor on the learning rate at a step, counted from 0. After the last step it stays as it is. */
export type Schedule = (step: number) => number;

/** The function of the options; throws a `NetworkError` ('value-invalid') on numbers that make none. */
export function scheduleOf(options: ScheduleOptions): Schedule {
  checkSchedule(options);
  const { warmUpSteps = 0 } = options;
  const inner = withoutWarmUp(options, warmUpSteps);
  return (step) => (step < warmUpSteps ? (step + 1) / (warmUpSteps + 1) : inner(step - warmUpSteps));
}

/** `step` counts from the end of the warm-up. */
function withoutWarmUp(options: ScheduleOptions, warmUpSteps: number): Schedule {
  switch (options.name) {
    case 'constant':
      return () => 1;
    case 'step':
      return (step) => stepDecay(options, step);
    case 'polynomial':
    case 'cosine': {
      const steps = Math.max(1, options.steps - warmUpSteps);
      return (step) => {
        const progress = Math.min(1, step / steps);
        return options.name === 'cosine' ? cosine(options, progress) : polynomial(options, progress);
      };
    }
    case 'one-cycle': {
      const steps = Math.max(1, options.steps - warmUpSteps);
      return (step) => oneCycle({ ...options, steps }, step);
    }
    default:
      throw new NetworkError(
        'value-invalid',
        `There is no schedule '${(options as { name: string }).name}'; there are constant, step, polynomial, cosine and one-cycle.`,
      );
  }
}

const isCount = (value: number) => Number.isInteger(value) && value > 0;
const isFactor = (value: number) => value >= 0 && value <= 1;

/** What the numbers of a schedule must be. */
const rules: Readonly<Record<string, readonly [isValid: (value: number) => boolean, expected: string]>> = {
  warmUpSteps: [(value) => Number.isInteger(value) && value >= 0, 'a whole number from 0'],
  steps: [isCount, 'a positive whole number'],
  every: [isCount, 'positive whole numbers'],
  factor: [(value) => value > 0 && Number.isFinite(value), 'a positive number'],
  power: [(value) => value >= 0 && Number.isFinite(value), 'a number from 0'],
  lowest: [isFactor, 'between 0 and 1'],
  rise: [isFactor, 'between 0 and 1'],
  first: [isFactor, 'between 0 and 1'],
  last: [isFactor, 'between 0 and 1'],
};

function checkSchedule(options: ScheduleOptions): void {
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    const rule = rules[key];
    if (rule === undefined || value === undefined) continue;
    const [isValid, expected] = rule;
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof each === 'number' && isValid(each)) continue;
      throw new NetworkError(
        'value-invalid',
        `schedule '${options.name}': ${key} must be ${expected}, found ${String(each)}`,
      );
    }
  }
}
