import { NetworkError } from '../errors/network-error.ts';
import { type AdamOptions, adam } from './adam.ts';
import { type AdamWOptions, adamw } from './adamw.ts';
import type { Optimiser } from './optimiser.ts';
import { type SgdOptions, sgd } from './sgd.ts';

/** Which optimiser, as plain data. */
export type OptimiserOptions = SgdOptions | AdamOptions | AdamWOptions;

/** The update rule of the options; throws a `NetworkError` ('value-invalid') on numbers that make none. */
export function optimiserOf(options: OptimiserOptions): Optimiser {
  const { name, weightDecay = 0, ...rest } = options;
  for (const [key, value] of Object.entries(rest)) {
    const share = key === 'momentum' || key === 'beta1' || key === 'beta2';
    if (typeof value === 'number' && !(value >= 0 && value < (share ? 1 : Number.POSITIVE_INFINITY))) {
      throw new NetworkError(
        'value-invalid',
        `${name}: ${key} must be ${share ? 'in [0, 1)' : 'a number from 0'}, found ${value}`,
      );
    }
  }
  if (!(weightDecay >= 0 && Number.isFinite(weightDecay))) {
    throw new NetworkError(
      'value-invalid',
      `${name}: weightDecay must be a number from 0, found ${weightDecay}`,
    );
  }
  switch (options.name) {
    case 'sgd':
      return sgd(options);
    case 'adam':
      return adam(options);
    case 'adamw':
      return adamw(options);
    default:
      throw new NetworkError(
        'value-invalid',
        `There is no optimiser '${name as string}'; there are sgd, adam and adamw.`,
      );
  }
}
