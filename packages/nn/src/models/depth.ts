import { oneOf, type Rule } from '../options/rules.ts';

/** One of the depths of a network's table. */
export function depthOf(table: Readonly<Record<number, unknown>>): Rule {
  return oneOf(...Object.keys(table).map(Number));
}
