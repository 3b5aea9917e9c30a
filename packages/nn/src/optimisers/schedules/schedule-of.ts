import { checkOptions, checkValue } from '../../options/check-options.ts';
import {
  count,
  either,
  fromZero,
  listOf,
  objectWith,
  oneOf,
  optional,
  positive,
  type Rule,
  share,
  wholeFromZero,
} from '../../options/rules.ts';
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

/** The function of the options; throws a `NetworkError` ('value-invalid') on what makes none. */
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
  }
}

/** What any schedule may have: the options of another one than the named do no harm, so that plans can keep them. */
const rules: Readonly<Record<string, Rule>> = {
  warmUpSteps: wholeFromZero,
  steps: count,
  every: either(count, listOf('positive whole numbers', count)),
  factor: positive,
  power: fromZero,
  lowest: share,
  rise: share,
  first: share,
  last: share,
};

/** What each schedule must have. */
const needed: Readonly<Record<ScheduleOptions['name'], readonly string[]>> = {
  constant: [],
  step: ['every', 'factor'],
  polynomial: ['steps'],
  cosine: ['steps'],
  'one-cycle': ['steps'],
};

function checkSchedule(options: ScheduleOptions): void {
  checkValue('schedule', options, objectWith("an object with a name, such as { name: 'cosine', steps }", {}));
  const name = oneOf(...Object.keys(needed));
  checkValue('schedule: name', options.name, name);
  const own = Object.entries(rules).map(([key, rule]): [string, Rule] => [
    key,
    needed[options.name].includes(key) ? rule : optional(rule),
  ]);
  checkOptions<object>(`schedule '${options.name}'`, options, { name, ...Object.fromEntries(own) });
}
