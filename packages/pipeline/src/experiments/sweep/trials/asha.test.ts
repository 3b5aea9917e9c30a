import { expect, test } from 'vitest';
import { goesOn, isRung } from './asha.ts';

test('decisions come after epochs that grow by the factor', () => {
  const rungs = Array.from({ length: 40 }, (_, i) => i + 1).filter((epoch) =>
    isRung({ minEpochs: 2, factor: 3 }, epoch),
  );
  expect(rungs).toEqual([2, 6, 18]);
});

test('one in so many goes on, of those that have come so far', () => {
  expect(goesOn(0.1, [], 3)).toBe(true);
  expect(goesOn(0.1, [0.5], 3)).toBe(true);
  expect(goesOn(0.4, [0.5, 0.3], 3)).toBe(false);
  expect(goesOn(0.6, [0.5, 0.3], 3)).toBe(true);
  // Of six, two go on; an equal of the second as well.
  expect(goesOn(0.5, [0.6, 0.5, 0.1, 0.1, 0.1], 3)).toBe(true);
  expect(goesOn(0.4, [0.6, 0.5, 0.1, 0.1, 0.1], 3)).toBe(false);
});
