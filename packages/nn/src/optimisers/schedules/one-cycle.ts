import { cosine } from './cosine.ts';

export interface OneCycleOptions {
  readonly name: 'one-cycle';
  /** Steps of the whole training. */
  readonly steps: number;
  /** Share of the steps on the way up; default 0.3. */
  readonly rise?: number;
  /** First factor; default 1 / 25. */
  readonly first?: number;
  /** Last factor; default 1 / 250,000. */
  readonly last?: number;
}

/**
 * Half a cosine up to 1, then half a cosine down (Smith and Topin, 2019), with the turning points of PyTorch's
 * OneCycleLR: the top is at step rise * steps - 1, the end at step steps - 1.
 */
export function oneCycle(
  { steps, rise = 0.3, first = 1 / 25, last = 1 / 250_000 }: OneCycleOptions,
  step: number,
): number {
  const top = rise * steps - 1;
  if (step <= top) return between(first, 1, top === 0 ? 1 : step / top);
  return between(1, last, Math.min(1, (step - top) / (steps - 1 - top)));
}

function between(from: number, to: number, progress: number): number {
  return to + (from - to) * cosine({ name: 'cosine', steps: 1 }, progress);
}
