import { NetworkError } from '../errors/network-error.ts';

/** Number types of weight files, named as safetensors names them. */
export type NumberType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL';

const bytesOf: Readonly<Record<NumberType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** Whether a type of a safetensors header is one that is read. */
export function isNumberType(name: unknown): name is NumberType {
  return typeof name === 'string' && Object.hasOwn(bytesOf, name);
}

/** Bytes that a number of the type takes in a file. */
export function bytesPerNumber(type: NumberType): number {
  return bytesOf[type];
}

/**
 * Little-endian numbers as float32, always in a buffer of their own. F16 and BF16 are exact; F64 is rounded to the
 * nearest; integers and booleans are taken only if float32 holds each of them exactly.
 * @param bytes a whole number of numbers
 * @param what names the array in errors
 * @throws NetworkError 'value-invalid' for an integer that would be rounded (from 2^24 on), or a finite F64 that
 * float32 cannot hold
 */
export function toFloat32(bytes: Uint8Array, type: NumberType, what: string): Float32Array {
  // A copy at offset 0: typed arrays need alignment, and slice() of a Node Buffer would be a view.
  const buffer = new Uint8Array(bytes).buffer;
  switch (type) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F16':
      return halfToFloat32(new Uint16Array(buffer));
    case 'BF16':
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    case 'F64':
      return roundDoubles(new Float64Array(buffer), what);
    case 'I64':
      return exactIntegers(new BigInt64Array(buffer), type, what);
    case 'U64':
      return exactIntegers(new BigUint64Array(buffer), type, what);
    case 'I32':
      return exactIntegers(new Int32Array(buffer), type, what);
    case 'U32':
      return exactIntegers(new Uint32Array(buffer), type, what);
    case 'I16':
      return Float32Array.from(new Int16Array(buffer));
    case 'U16':
      return Float32Array.from(new Uint16Array(buffer));
    case 'I8':
      return Float32Array.from(new Int8Array(buffer));
    case 'U8':
      return Float32Array.from(new Uint8Array(buffer));
    case 'BOOL':
      return Float32Array.from(new Uint8Array(buffer), (value) => (value === 0 ? 0 : 1));
  }
}

/** IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 bits of fraction. */
function halfToFloat32(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  const values = new Float32Array(bits.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) values[i] = (half & 0x8000 ? -fraction : fraction) * 2 ** -24;
    else {
      const wide = exponent === 31 ? 255 : exponent + 112;
      bits[i] = ((half & 0x8000) << 16) | (wide << 23) | (fraction << 13);
    }
  }
  return values;
}

function roundDoubles(doubles: Float64Array, what: string): Float32Array {
  const values = Float32Array.from(doubles);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]) && Number.isFinite(doubles[i])) throw lossy(what, 'F64', doubles[i]!, i);
  }
  return values;
}

function exactIntegers(
  integers: BigInt64Array | BigUint64Array | Int32Array | Uint32Array,
  type: NumberType,
  what: string,
): Float32Array {
  const values = new Float32Array(integers.length);
  for (let i = 0; i < values.length; i++) {
    const integer = integers[i]!;
    values[i] = Number(integer);
    // Back in the integer's own type: 2^63 - 1 as a double is 2^63, which would compare equal.
    const back = typeof integer === 'bigint' ? BigInt(values[i]!) : values[i];
    if (back !== integer) throw lossy(what, type, integer, i);
  }
  return values;
}

function lossy(what: string, type: NumberType, value: number | bigint, index: number): NetworkError {
  return new NetworkError(
    'value-invalid',
    `'${what}' (${type}) holds ${value} at index ${index}, which float32 cannot hold. Integers must be exact in float32, and doubles within its range.`,
  );
}
