import type { AnyVerb } from '../verb.ts';
import { convert } from './convert.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { evaluate } from './evaluate.ts';
import { explain } from './explain.ts';
import { folds } from './folds.ts';
import { inspect } from './inspect.ts';
import { phantom } from './phantom.ts';
import { runs } from './runs.ts';
import { segment } from './segment.ts';
import { sweep } from './sweep.ts';
import { train } from './train.ts';
import { weights } from './weights.ts';

/** In the order of the list in `glisson --help`: the order in which a newcomer needs them. */
export const verbs: readonly AnyVerb[] = [
  demo,
  doctor,
  phantom,
  inspect,
  convert,
  weights,
  folds,
  train,
  sweep,
  segment,
  evaluate,
  runs,
  explain,
];
