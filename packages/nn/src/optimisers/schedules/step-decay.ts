export interface StepDecayOptions {
  readonly name: 'step';
  /** The rate is multiplied by `factor` after every so many steps, or at each of the steps listed. */
  readonly every: number | readonly number[];
  readonly factor: number;
}

/** factor^n, where n is how often the rate has been lowered before step `step`. */
export function stepDecay({ every, factor }: StepDecayOptions, step: number): number {
  const times =
    typeof every === 'number' ? Math.floor(step / every) : every.filter((at) => at <= step).length;
  return factor ** times;
}
