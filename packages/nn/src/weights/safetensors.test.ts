import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import { parseState } from '../training/state-file.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const file = writeSafetensors({
  arrays: {
    'a.weight': { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, Number.NaN, -0, 1e-40) },
    empty: { shape: [0], values: new Float32Array(0) },
    scalar: { shape: [], values: Float32Array.of(7) },
  },
  metadata: { step: '3', ü: 'µ' },
});

/** The same numbers under another header. */
function withHeader(header: unknown): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

test('what is written is read back bit for bit, in order, at any byte offset', () => {
  const shifted = new Uint8Array(file.length + 3);
  shifted.set(file, 3);
  const { arrays, metadata } = readSafetensors(shifted.subarray(3));
  expect(Object.keys(arrays)).toEqual(['a.weight', 'empty', 'scalar']);
  expect(arrays['a.weight']!.shape).toEqual([2, 3]);
  expect(new Uint8Array(arrays['a.weight']!.values.buffer)).toEqual(
    new Uint8Array(Float32Array.of(1, -2, 3.5, Number.NaN, -0, 1e-40).buffer),
  );
  expect(arrays.scalar).toEqual({ shape: [], values: Float32Array.of(7) });
  expect(metadata).toEqual({ step: '3', ü: 'µ' });
});

test('a Node Buffer, whose slice does not copy, reads the same', () => {
  const { arrays } = readSafetensors(Buffer.from(file));
  expect(arrays['a.weight']!.values).toHaveLength(6);
  expect(arrays.scalar).toEqual({ shape: [], values: Float32Array.of(7) });
});

test('the layout is that of the format: length, JSON, numbers', () => {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  expect(length % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  expect(header['a.weight']).toEqual({ dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] });
  expect(header.scalar).toEqual({ dtype: 'F32', shape: [], data_offsets: [24, 28] });
  expect(file.length).toBe(8 + length + 28);
});

describe('lying files are refused', () => {
  const entry = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  test.each([
    ['beyond the file', withHeader({ a: entry(0, 16) })],
    ['overlap', withHeader({ a: entry(0, 8), b: entry(4, 8) })],
    ['hole', withHeader({ a: entry(4, 8) })],
    ['size against shape', withHeader({ a: entry(0, 8, [3]) })],
    ['bytes left over', withHeader({ a: entry(0, 4) })],
    ['negative offsets', withHeader({ a: entry(-8, 0, [2]) })],
    ['another number type', withHeader({ a: { ...entry(0, 8), dtype: 'F16' } })],
    ['no JSON', withHeader('{"a":')],
    ['JSON of another kind', withHeader('[]')],
    ['entry is null', withHeader('{"a":null}')],
    ['header beyond the file', Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 1)],
    ['empty', new Uint8Array(0)],
  ])('%s', (_, bytes) => {
    expect(() => readSafetensors(bytes)).toThrow(NetworkError);
  });

  test('every truncation', () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => readSafetensors(file.subarray(0, length))).toThrow(NetworkError);
    }
  });

  test('any changed byte gives a file or a typed error, nothing else', () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), (at, value) => {
        try {
          readSafetensors(file.with(at, value));
        } catch (error) {
          expect(error).toBeInstanceOf(NetworkError);
        }
      }),
    );
  });

  test('a weight file that is no trainer state', () => {
    expect(() => parseState(file)).toThrow(/no trainer state/);
  });
});
