import { expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { evaluate } from '../reference/evaluate.ts';
import { concatChannels, cropCentre } from './crop.ts';

test('the middle; of an odd rest, one more is cut off at the end', () => {
  const x = input('x', [1, 1, 3, 5]);
  const feeds = new Map([[x, Array.from({ length: 15 }, (_, i) => i)]]);
  expect([...evaluate([cropCentre(x, [1, 2])], feeds)[0]!]).toEqual([6, 7]);
  expect(cropCentre(x, [3, 5])).toBe(x);
  expect(() => cropCentre(x, [4, 2])).toThrow(
    /cropCentre: \[1, 1, 3, 5\] has no middle of spatial size \[4, 2\]/,
  );
  expect(() => cropCentre(x, [2])).toThrow(/no middle/);
});

test('channels of different sizes meet in the middle', () => {
  const [a, b] = [input('a', [1, 1, 1, 2]), input('b', [1, 1, 3, 4])];
  const joined = concatChannels([a, b]);
  expect(joined.shape).toEqual([1, 2, 1, 2]);
  const feeds = new Map([
    [a, [100, 101]],
    [b, Array.from({ length: 12 }, (_, i) => i)],
  ]);
  expect([...evaluate([joined], feeds)[0]!]).toEqual([100, 101, 5, 6]);
});
