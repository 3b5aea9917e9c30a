import { fromZero, listOf, type Rule } from '../options/rules.ts';

/** One weight for each class. How many classes there are is looked at when the loss is built. */
export const classWeightList = listOf('numbers from 0, one for each class', fromZero);

/** Exponent of a loss's focus. Below 1, the derivative is infinite at p = 1. */
export const focusing: Rule = {
  expected: '0, or 1 or more',
  accepts: (value) => value === 0 || (typeof value === 'number' && Number.isFinite(value) && value >= 1),
};
