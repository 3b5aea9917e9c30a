import { NetworkError } from '../errors/network-error.ts';

/** One field of a protocol-buffer message, not yet interpreted. */
export interface ProtobufField {
  readonly number: number;
  readonly wire: 'varint' | 'fixed64' | 'bytes' | 'fixed32';
  /**
   * The content, a part of the file (not copied): of a number its own bytes, so that a packed list and the
   * same numbers one by one read alike.
   */
  readonly bytes: Uint8Array;
}

/** Reads the fields of a message that is a part of the file. */
export type FieldReader = (message: Uint8Array) => Generator<ProtobufField>;

/** Fields in one file; far more than any network has, few enough for the memory of a laptop. */
const mostFields = 4_000_000;

const wires = new Map<number, ProtobufField['wire']>([
  [0, 'varint'],
  [1, 'fixed64'],
  [2, 'bytes'],
  [5, 'fixed32'],
]);

/**
 * Makes the reader of one file. Every length is checked against what is left, and the number of fields is
 * bounded over the whole file. The generator throws a `NetworkError` ('damaged') that says what is wrong at
 * which byte, and 'unsupported' beyond the bound.
 */
export function createFieldReader(file: Uint8Array, what: string): FieldReader {
  let left = mostFields;
  const damaged = (found: string, message: Uint8Array, offset: number) =>
    new NetworkError(
      'damaged',
      `These bytes are no complete ${what}: ${found} at byte ${message.byteOffset - file.byteOffset + offset}.`,
    );
  return function* (message) {
    let offset = 0;
    const varint = (): number => {
      let value = 0;
      for (let scale = 1, count = 0; count < 10; count++, scale *= 128) {
        const byte = message[offset++];
        if (byte === undefined) throw damaged('it ends within a number', message, offset - 1);
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
      }
      throw damaged('an overlong number', message, offset - 10);
    };
    while (offset < message.length) {
      if (left-- === 0) {
        throw new NetworkError('unsupported', `This ${what} has more than ${mostFields} fields.`);
      }
      const start = offset;
      const tag = varint();
      const wire = wires.get(tag % 8);
      if (wire === undefined || tag < 8 || tag >= 2 ** 32) {
        throw damaged(
          `field ${Math.floor(tag / 8)} of type ${tag % 8}, which does not exist,`,
          message,
          start,
        );
      }
      let begin = offset;
      let length = 8;
      if (wire === 'varint') {
        varint();
        length = offset - begin;
      } else if (wire === 'bytes') {
        length = varint();
        begin = offset;
      } else if (wire === 'fixed32') length = 4;
      if (length > message.length - begin) {
        throw damaged(`a field of ${length} bytes with ${message.length - begin} left`, message, start);
      }
      offset = begin + length;
      yield { number: Math.floor(tag / 8), wire, bytes: message.subarray(begin, offset) };
    }
  };
}

function contentOf(field: ProtobufField, ...expected: readonly ProtobufField['wire'][]): Uint8Array {
  if (expected.includes(field.wire)) return field.bytes;
  throw new NetworkError(
    'damaged',
    `Field ${field.number} is written as ${field.wire}, expected ${expected.join(' or ')}.`,
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** Text in UTF-8; wrong bytes become the replacement character. */
export function textOf(field: ProtobufField): string {
  return utf8.decode(contentOf(field, 'bytes'));
}

/** The bytes of a field of bytes or of an inner message; not copied. */
export function bytesOf(field: ProtobufField): Uint8Array {
  return contentOf(field, 'bytes');
}

/** A number of type int32, int64, enum or bool; beyond 2^53 the nearest double. */
export function integerOf(field: ProtobufField): number {
  const [value] = readVarints(contentOf(field, 'varint'));
  return value!;
}

/** One or more (packed) signed integers; beyond 2^53 the nearest doubles. */
export function integersOf(field: ProtobufField): number[] {
  return readVarints(contentOf(field, 'varint', 'bytes'));
}

/** The 32-bit float of a field. Throws a `NetworkError` ('damaged') where it is none. */
export function floatOf(field: ProtobufField): number {
  const bytes = contentOf(field, 'fixed32');
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
}

/** One or more (packed) float32 numbers. */
export function floatsOf(field: ProtobufField): number[] {
  const bytes = contentOf(field, 'fixed32', 'bytes');
  if (bytes.length % 4 !== 0) {
    throw new NetworkError('damaged', `A list of float32 numbers has ${bytes.length} bytes.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
}

/** Signed 64-bit integers written one after the other; beyond 2^53 the nearest doubles. */
function readVarints(bytes: Uint8Array): number[] {
  const values: number[] = [];
  forEachVarint(bytes, (low, high) => values.push(toNumber(low, high)));
  return values;
}

/** The same, exact. */
export function readInt64s(bytes: Uint8Array): BigInt64Array {
  const values: bigint[] = [];
  forEachVarint(bytes, (low, high) => values.push((BigInt(high) << 32n) | BigInt(low)));
  return BigInt64Array.from(values, (value) => BigInt.asIntN(64, value));
}

/** The same, cut to 32 bits with their sign. */
export function readInt32s(bytes: Uint8Array): Int32Array {
  const values: number[] = [];
  forEachVarint(bytes, (low) => values.push(low | 0));
  return Int32Array.from(values);
}

function toNumber(low: number, high: number): number {
  return (high | 0) * 2 ** 32 + low;
}

/** Visits each number as two unsigned halves of 32 bits; bits beyond 64 are dropped, as the format says. */
function forEachVarint(bytes: Uint8Array, visit: (low: number, high: number) => void): void {
  let at = 0;
  while (at < bytes.length) {
    let low = 0;
    let high = 0;
    let shift = 0;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63) {
        throw new NetworkError(
          'damaged',
          `A list of whole numbers is cut off, or holds an overlong one, at its byte ${at - 1}.`,
        );
      }
      const bits = byte & 0x7f;
      if (shift < 32) low = (low | (bits << shift)) >>> 0;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 31) high = (high | (bits << (shift - 32))) >>> 0;
      shift += 7;
      if (byte < 0x80) break;
    }
    visit(low, high);
  }
}
