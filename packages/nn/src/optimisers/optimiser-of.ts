import { checkValue } from '../options/check-options.ts';
import { objectWith, oneOf } from '../options/rules.ts';
import { type AdamOptions, adam } from './adam.ts';
import { type AdamWOptions, adamw } from './adamw.ts';
import type { Optimiser } from './optimiser.ts';
import { type SgdOptions, sgd } from './sgd.ts';

/** Which optimiser, as plain data. */
export type OptimiserOptions = SgdOptions | AdamOptions | AdamWOptions;

const names = oneOf('sgd', 'adam', 'adamw');

/** The update rule of the options; throws a `NetworkError` ('value-invalid') on what makes none. */
export function optimiserOf(options: OptimiserOptions): Optimiser {
  checkValue('optimiser', options, objectWith("an object with a name, such as { name: 'adamw' }", {}));
  checkValue('optimiser: name', options.name, names);
  switch (options.name) {
    case 'sgd':
      return sgd(options);
    case 'adam':
      return adam(options);
    case 'adamw':
      return adamw(options);
  }
}
