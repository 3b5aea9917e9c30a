import { oneOf } from '../options/rules.ts';

/** Whether convolutions keep the size with zeros around the image ('same'), or see whole windows only ('valid'). */
export type NetworkPadding = 'same' | 'valid';

export const networkPadding = oneOf('same', 'valid');

/** What a convolution or pooling does to the length of an axis. */
export interface WindowStep {
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on either side; default 0. */
  readonly pad?: number;
  /** As in pooling: a last window that begins inside is kept. */
  readonly ceilMode?: boolean;
}

/** A convolution or pooling of odd kernel under a network's padding. */
export function windowStep(kernel: number, padding: NetworkPadding, stride = 1): WindowStep {
  return { kernel, stride, pad: padding === 'same' ? (kernel - 1) / 2 : 0 };
}

/** The smallest length of an axis that `steps`, first to last, turn into at least `length` elements. */
export function smallestLength(steps: readonly WindowStep[], length = 1): number {
  return steps.reduceRight((wanted, { kernel, stride = 1, pad = 0, ceilMode = false }) => {
    const whole = (wanted - 1) * stride + kernel - 2 * pad;
    // In ceil mode the last window is kept from its first element on that the window before it does not hold.
    return Math.max(1, ceilMode ? whole - stride + 1 : whole);
  }, length);
}
