import type { AnyVerb } from '../verb.ts';
import { demo } from './demo.ts';

/** In the order of the list in `glisson --help`: the order in which a newcomer needs them. */
export const verbs: readonly AnyVerb[] = [demo];
