import { expect, test } from 'vitest';
import { runNames } from './run-names.ts';

test('runs are named by their place in the store', () => {
  expect(runNames(['/s/a', '/s/sweep/trials/0001', '/s'], '/s')).toEqual(['a', 'sweep/trials/0001', 's']);
});
