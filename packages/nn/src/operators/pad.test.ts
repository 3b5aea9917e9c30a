import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { checkOperator } from '../testing/check-operator.ts';
import { pad } from './pad.ts';

checkOperator([
  { name: 'pad', shapes: [[2, 3, 4]], build: (a) => pad(a, [0, 1, 2], [1, 0, 3], -0.5) },
  { name: 'pad that crops', shapes: [[2, 5, 6]], build: (a) => pad(a, [0, -1, -2], [0, -2, 0]) },
  { name: 'pad and crop', shapes: [[1, 2, 5, 6]], build: (a) => pad(a, [0, 0, -2, 3], [0, 1, 4, -5]) },
  { name: 'pad in 3-D', shapes: [[1, 2, 3, 2, 4]], build: (a) => pad(a, [0, 0, 1, 0, 2], [0, 0, 0, 1, -1]) },
]);

test('pads by hand, none changes nothing', () => {
  const x = input('x', [2, 3]);
  const feeds = new Map([[x, [1, 2, 3, 4, 5, 6]]]);
  expect([...evaluate([pad(x, [1, -1], [-1, 1], 9)], feeds)[0]!]).toEqual([9, 9, 9, 2, 3, 9]);
  expect(pad(x, [0, 0], [0, 0])).toBe(x);
});

test('pads that leave nothing, or are no whole numbers, are refused', () => {
  const x = input('x', [2, 3]);
  expect(() => pad(x, [0, -2], [0, -1])).toThrow(
    /pad: float32 \[2, 3\] cannot get \[0, -2\] before and \[0, -1\]/,
  );
  expect(() => pad(x, [0, 0.5], [0, 0])).toThrow(/pad: .*whole numbers/);
  expect(() => pad(x, [1], [1])).toThrow(/one per axis/);
});
