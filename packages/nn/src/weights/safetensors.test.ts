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

test('other number types are read as float32, in any order of the header', () => {
  const file = withHeader({
    half: { dtype: 'F16', shape: [2], data_offsets: [4, 8] },
    nothing: { dtype: 'I64', shape: [3, 0], data_offsets: [4, 4] },
    bytes: { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
  });
  file.set([1, 2, 3, 255, 0x00, 0x3c, 0x00, 0xc0], file.length - 8);
  expect(readSafetensors(file).arrays).toEqual({
    half: { shape: [2], values: Float32Array.of(1, -2) },
    nothing: { shape: [3, 0], values: new Float32Array(0) },
    bytes: { shape: [4], values: Float32Array.of(1, 2, 3, 255) },
  });
});

test('names that mean something to JavaScript are names', () => {
  const arrays = Object.fromEntries(
    ['__proto__', 'constructor', '"', ''].map((name, i) => [name, { shape: [], values: Float32Array.of(i) }]),
  );
  const back = readSafetensors(writeSafetensors({ arrays, metadata: {} }));
  expect(Object.keys(back.arrays)).toEqual(['__proto__', 'constructor', '"', '']);
  expect(Object.getOwnPropertyDescriptor(back.arrays, '__proto__')!.value.values).toEqual(Float32Array.of(0));
  expect(() => writeSafetensors({ arrays: { __metadata__: arrays['"']! }, metadata: {} })).toThrow(
    NetworkError,
  );
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
    [
      'two zones of a name',
      withHeader(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
      ),
    ],
    [
      'two shapes of an array',
      withHeader('{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}'),
    ],
    ['size against number type', withHeader({ a: { ...entry(0, 8), dtype: 'F16' } })],
    ['unknown number type', withHeader({ a: { ...entry(0, 8), dtype: 'F8_E4M3', shape: [8] } })],
    ['number type from a prototype', withHeader({ a: { ...entry(0, 8), dtype: 'toString' } })],
    ['infinite shape', withHeader('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,8]}}')],
    ['infinite times nothing', withHeader({ a: entry(0, 0, [...Array(20).fill(1e15), 0]), b: entry(0, 8) })],
    ['fractional shape', withHeader({ a: entry(0, 8, [0.5, 4]) })],
    ['negative sizes', withHeader({ a: entry(0, 8, [-1, -2]) })],
    ['one offset only', withHeader({ a: { dtype: 'F32', shape: [2], data_offsets: [8] } })],
    ['metadata that is no text', withHeader({ __metadata__: { a: 1 }, a: entry(0, 8) })],
    ['metadata that is a list', withHeader({ __metadata__: ['a'], a: entry(0, 8) })],
    ['no UTF-8', withHeader({ aa: entry(0, 8) }).map((byte) => (byte === 97 ? 255 : byte))],
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
