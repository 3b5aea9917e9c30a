import { describe, expect, test } from 'vitest';
import { input } from '../graph/tensor.ts';
import { add, mul, sub } from '../operators/elementwise.ts';
import { optimiserOf } from '../optimisers/optimiser-of.ts';
import { inPlace, updateGraph } from './update-graph.ts';

describe('in place', () => {
  const [a, b] = [input('a', [2]), input('b', [2])];

  test('is what reads a vector on the way to its new value', () => {
    const graph = inPlace({ a: add(a, mul(sub(b, a), b)) }, []);
    expect(Object.keys(graph.outputs)).toEqual(['next.a']);
    expect(graph.kinds.toSorted()).toEqual(['a', 'b']);
  });

  test('is not what reads it for another value, too', () => {
    expect(() => inPlace({ a: sub(a, b), b: add(b, a) }, [])).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        message: expect.stringMatching(/'a' cannot be made in place/),
      }),
    );
  });

  test('is another value that reads the new one', () => {
    const next = sub(a, b);
    expect(inPlace({ a: next, b: add(b, next) }, []).kinds.toSorted()).toEqual(['a', 'b']);
    const sum = add(b, b);
    expect(inPlace({ a: add(a, sum), b: sum }, []).kinds.toSorted()).toEqual(['a', 'b']);
  });
});

test('the vectors, numbers and scale of an update', () => {
  const options = { optimiser: optimiserOf({ name: 'adamw' }), averageDecay: 0.9, microBatches: 2 };
  const { outputs, kinds, carried, numbers } = updateGraph(options, 0.5);
  expect(Object.keys(outputs)).toEqual([
    'next.parameters',
    'next.firstMoment',
    'next.secondMoment',
    'next.averageParameters',
  ]);
  expect(kinds.toSorted()).toEqual(
    ['averageParameters', 'firstMoment', 'gradient', 'gradientSum', 'parameters', 'secondMoment'].toSorted(),
  );
  expect(carried).toEqual(['scale']);
  const segment = { parameters: [], size: 0, learningRate: 0.1, weightDecay: 0.5, since: 8 };
  const time = { learningRate: 0.2, step: 9, isLast: true };
  const found = numbers.map(({ compute }) => compute(time, segment));
  const correction = Math.sqrt(1 - 0.999);
  const expected = [1 - 0.02 * 0.5, (correction * 0.02) / 0.1, correction * 1e-8, 1 - 10 / 19];
  for (const [i, value] of expected.entries()) expect(found[i]! / value).toBeCloseTo(1, 10);
  const plain = updateGraph({ ...options, averageDecay: 0, microBatches: 1 }, 0);
  expect(plain.kinds.toSorted()).toEqual(['firstMoment', 'gradient', 'parameters', 'secondMoment']);
  expect(plain.carried).toEqual([]);
});
