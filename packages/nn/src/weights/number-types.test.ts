import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { NetworkError } from '../errors/network-error.ts';
import { toFloat32 } from './number-types.ts';

const bytesOf = (array: { buffer: ArrayBufferLike }) => new Uint8Array(array.buffer);
const bitsOf = (values: Float32Array) => [...new Uint32Array(values.buffer)];

test('halves: zeros, subnormals, normals, infinities and NaN', () => {
  // Values by the definition of binary16.
  const halves = Uint16Array.of(
    0x0000,
    0x8000,
    0x0001,
    0x83ff,
    0x0400,
    0x3555,
    0xc000,
    0x7bff,
    0x7c00,
    0xfc00,
    0x7e01,
  );
  const values = toFloat32(bytesOf(halves), 'F16', 'x');
  expect([...values]).toEqual([
    0,
    -0,
    2 ** -24,
    -1023 * 2 ** -24,
    2 ** -14,
    1365 * 2 ** -12,
    -2,
    65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
});

test.skipIf(!hasSystemTools(['python3-numpy']))(
  needs(['python3-numpy'], 'every half is what NumPy makes of it'),
  () => {
    const script =
      'import numpy,sys;sys.stdout.buffer.write(numpy.arange(65536,dtype="<u2").view("<f2").astype("<f4").tobytes())';
    const expected = new Uint8Array(execFileSync(debianPython, ['-c', script], { maxBuffer: 1 << 20 }));
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const mine = toFloat32(bytesOf(halves), 'F16', 'x');
    const theirs = new Float32Array(expected.buffer);
    expect(mine).toEqual(theirs);
    expect(
      bitsOf(mine).filter(
        (bits, i) => bits !== new Uint32Array(expected.buffer)[i] && !Number.isNaN(mine[i]),
      ),
    ).toEqual([]);
  },
);

test('bfloat16 is the upper half of a float32, NaN payloads included', () => {
  const values = toFloat32(bytesOf(Uint16Array.of(0x3f80, 0xc049, 0x0001, 0xff80, 0x7fc1)), 'BF16', 'x');
  expect(bitsOf(values)).toEqual([0x3f800000, 0xc0490000, 0x00010000, 0xff800000, 0x7fc10000]);
});

test('doubles are rounded to the nearest; what would become infinite is refused', () => {
  const values = toFloat32(
    bytesOf(Float64Array.of(0.1, 1e-50, Number.NaN, Number.NEGATIVE_INFINITY)),
    'F64',
    'x',
  );
  expect(values).toEqual(Float32Array.of(Math.fround(0.1), 0, Number.NaN, Number.NEGATIVE_INFINITY));
  expect(() => toFloat32(bytesOf(Float64Array.of(1, 1e39)), 'F64', 'bias')).toThrow(
    /'bias' \(F64\) holds 1e\+39 at index 1/,
  );
});

describe('integers', () => {
  test('of every width come out exact', () => {
    expect([...toFloat32(Uint8Array.of(0x80, 0x7f), 'I8', 'x')]).toEqual([-128, 127]);
    expect([...toFloat32(Uint8Array.of(0x80, 0x7f), 'U8', 'x')]).toEqual([128, 127]);
    expect([...toFloat32(bytesOf(Int16Array.of(-32768, 32767)), 'I16', 'x')]).toEqual([-32768, 32767]);
    expect([...toFloat32(bytesOf(Uint16Array.of(65535)), 'U16', 'x')]).toEqual([65535]);
    expect([...toFloat32(bytesOf(Int32Array.of(-(2 ** 31), 2 ** 24)), 'I32', 'x')]).toEqual([
      -(2 ** 31),
      2 ** 24,
    ]);
    expect([...toFloat32(bytesOf(Uint32Array.of(2 ** 31)), 'U32', 'x')]).toEqual([2 ** 31]);
    expect([...toFloat32(bytesOf(BigInt64Array.of(-5n, -(2n ** 63n))), 'I64', 'x')]).toEqual([
      -5,
      -(2 ** 63),
    ]);
    expect([...toFloat32(bytesOf(BigUint64Array.of(2n ** 63n)), 'U64', 'x')]).toEqual([2 ** 63]);
    expect([...toFloat32(Uint8Array.of(0, 1, 7), 'BOOL', 'x')]).toEqual([0, 1, 1]);
  });

  test.each([
    ['I32', bytesOf(Int32Array.of(2 ** 24 + 1))],
    ['I32', bytesOf(Int32Array.of(2 ** 31 - 1))],
    ['U32', bytesOf(Uint32Array.of(2 ** 32 - 1))],
    ['I64', bytesOf(BigInt64Array.of(2n ** 53n + 1n))],
    ['I64', bytesOf(BigInt64Array.of(2n ** 63n - 1n))],
    ['U64', bytesOf(BigUint64Array.of(2n ** 64n - 1n))],
  ] as const)('of type %s that float32 would round are refused', (type, bytes) => {
    expect(() => toFloat32(bytes, type, 'counts')).toThrow(NetworkError);
  });
});

test('the result never shares memory with the file, also of a Node Buffer at an odd offset', () => {
  const file = Buffer.alloc(9);
  file.writeFloatLE(2.5, 1);
  const values = toFloat32(file.subarray(1, 5), 'F32', 'x');
  file.fill(0);
  expect([...values]).toEqual([2.5]);
});
