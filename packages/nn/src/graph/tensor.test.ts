import { expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import { conv } from '../layers/convolution.ts';
import { scopeOf } from '../layers/scope.ts';
import { add } from '../operators/elementwise.ts';
import { originOf } from './origin.ts';
import { input } from './tensor.ts';

function failure(build: () => unknown): NetworkError {
  try {
    build();
  } catch (error) {
    if (error instanceof NetworkError) return error;
  }
  throw new Error('expected a NetworkError');
}

test('an error of shape names the operator, the shapes and the line that built it', () => {
  const marker = new Error().stack!;
  const error = failure(() => add(input('a', [2, 3]), input('b', [4])));
  const line = Number(/tensor\.test\.ts:(\d+)/.exec(marker)![1]) + 1;
  expect(error.code).toBe('shape-mismatch');
  expect(error.message).toBe(
    `add: shapes [2, 3] and [4] do not broadcast (axis 1: 3 and 4) (built at tensor.test.ts:${line})`,
  );
});

test('the line is the one of the model, not of the layers and operators that it calls', () => {
  const scope = scopeOf({
    parameter: (name, { shape }) => input(name, shape),
    batchNorm: (_, x) => x,
    dropout: (_, x) => x,
  });
  const model = () => conv(4, { kernel: 9, padding: 'valid' })(scope, input('x', [1, 1, 4, 4]));
  const { message } = failure(model);
  expect(message).toMatch(
    /^convolution: image \[1, 1, 4, 4\] is too small .* \(built at tensor\.test\.ts:\d+\)$/,
  );
});

test('origins of stacks of other engines', () => {
  expect(
    originOf('add@http://localhost:8080/src/net.ts?v=3:12:7\nmain@http://localhost:8080/app.ts:1:1'),
  ).toBe('net.ts:12');
  expect(originOf('Error: x\n    at file:///home/me/net.mjs:4:2')).toBe('net.mjs:4');
  expect(originOf('Error: x\n    at run (node:internal/main:4:2)')).toBeUndefined();
  expect(originOf('')).toBeUndefined();
});
