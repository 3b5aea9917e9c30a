import { expect, test } from 'vitest';
import { checkOptions } from './check-options.ts';
import { describeValue } from './describe-value.ts';
import { count, either, finite, listOf, oneOf, optional, recordOf } from './rules.ts';

class Scan {}

test.each([
  [undefined, 'nothing'],
  [null, 'null'],
  [Number.NaN, 'NaN'],
  ['a'.repeat(80), `'${'a'.repeat(60)}…'`],
  [[1, 'two', [3]], "[1, 'two', […]]"],
  [new Float32Array(3), 'a Float32Array of 3'],
  [Array.from({ length: 100 }, (_, i) => i), '[0, 1, 2, 3, 4, 5, …]'],
  [{ kind: 'x', depth: 1 }, 'an object with kind, depth'],
  [{}, 'an empty object'],
  [Object.create(null), 'an empty object'],
  [new Scan(), 'a Scan'],
  [Scan, 'the function Scan'],
  [5n, '5'],
])('%# a value is shown in few words', (value, words) => {
  expect(describeValue(value)).toBe(words);
});

test('what follows the rules passes, absent and undefined options too', () => {
  const rules = { depth: count, mode: optional(oneOf('a', 'b')) };
  checkOptions<object>('f', { depth: 3 }, rules);
  checkOptions<object>('f', { depth: 3, mode: undefined, other: undefined }, rules);
  checkOptions<object>('f', { depth: 3, mode: 'b' }, rules);
});

test('of lists and records, the item at fault is named, however long they are', () => {
  const values = new Array<number>(1000).fill(1).with(900, Number.NaN);
  const rules = {
    weights: either(finite, listOf('numbers', finite)),
    named: optional(recordOf('numbers by name', finite)),
  };
  expect(() => checkOptions<object>('f', { weights: values }, rules)).toThrow(
    /^f: weights must be a number, or a list of numbers, found \[1, 1, 1, 1, 1, 1, …\] \(item 900 is NaN\)$/,
  );
  expect(() => checkOptions<object>('f', { weights: 1, named: { a: 1, b: 'x' } }, rules)).toThrow(
    /^f: named must be numbers by name, found an object with a, b \('b' is 'x'\)$/,
  );
});
