import { expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import { checkNumbers } from './check-numbers.ts';

const refusal = (values: unknown, type: 'float32' | 'uint8' = 'float32'): string => {
  try {
    checkNumbers(values, type, 'here');
  } catch (error) {
    return error instanceof NetworkError ? `${error.code} ${error.message}` : `untyped ${error}`;
  }
  return 'none';
};

test('arrays of the type are taken, views of a part as well', () => {
  expect(refusal(new Float32Array(4))).toBe('none');
  expect(refusal(new Float32Array(4).subarray(1, 2))).toBe('none');
  expect(refusal(new Uint8Array(4), 'uint8')).toBe('none');
});

test('other numbers are refused by name', () => {
  const expected = 'type-mismatch here: expected float32 numbers (Float32Array), found';
  expect(refusal(new Float64Array(1))).toBe(`${expected} Float64Array`);
  expect(refusal([1])).toBe(`${expected} Array`);
  expect(refusal(undefined)).toBe(`${expected} undefined`);
  expect(refusal(null)).toBe(`${expected} object`);
  expect(refusal(Object.create(null))).toBe(`${expected} object`);
  expect(refusal(new Int16Array(1), 'uint8')).toMatch(
    /expected uint8 numbers .Uint8Array., found Int16Array/,
  );
});

test('shared memory is refused: it cannot move', () => {
  expect(refusal(new Float32Array(new SharedArrayBuffer(4)))).toMatch(
    /^type-mismatch here: .* shared memory/,
  );
});
