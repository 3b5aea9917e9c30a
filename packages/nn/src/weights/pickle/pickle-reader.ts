import { NetworkError } from '../../errors/network-error.ts';

/** The pickle ends in the middle of something; with more bytes it may be whole. */
export class PickleTruncated extends NetworkError {
  constructor(needed: number, available: number) {
    super('damaged', `The pickle is cut off: ${needed} bytes are needed where ${available} are left.`);
  }
}

const longestIntegerBytes = 64;
const longestIntegerText = 160;
const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A place in the bytes of a pickle. All lengths are checked against what is there before anything is allocated. */
export interface PickleReader {
  readonly position: number;
  byte(): number;
  uint16(): number;
  uint32(): number;
  int32(): number;
  /** A length of 8 bytes. */
  uint64(): number;
  doubleBigEndian(): number;
  /** A view, not a copy. */
  bytes(length: number): Uint8Array;
  text(length: number): string;
  /** Python 2 text: UTF-8 where it is that, else Latin-1. */
  oldText(length: number): string;
  /** Up to the next line feed, without it. */
  line(): string;
  /** Two's complement, little-endian. */
  integer(length: number): number | bigint;
}

/** Reads the parts of a pickle one after the other, from byte `start`. Throws `PickleTruncated` where it is cut off. */
export function pickleReader(data: Uint8Array, start: number): PickleReader {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let position = start;
  /** Moves over `length` bytes and gives where they begin. */
  const take = (length: number): number => {
    const from = position;
    if (length > data.length - from) throw new PickleTruncated(length, data.length - from);
    position += length;
    return from;
  };
  const bytes = (length: number) => {
    const from = take(length);
    return data.subarray(from, from + length);
  };
  const text = (length: number) => {
    try {
      return utf8.decode(bytes(length));
    } catch (cause) {
      if (cause instanceof NetworkError) throw cause;
      throw new NetworkError('damaged', `The pickle holds text before byte ${position} that is no UTF-8.`);
    }
  };
  return {
    get position() {
      return position;
    },
    byte: () => view.getUint8(take(1)),
    uint16: () => view.getUint16(take(2), true),
    uint32: () => view.getUint32(take(4), true),
    int32: () => view.getInt32(take(4), true),
    uint64: () => Number(view.getBigUint64(take(8), true)),
    doubleBigEndian: () => view.getFloat64(take(8)),
    bytes,
    text,
    oldText: (length) => {
      const raw = bytes(length);
      try {
        return utf8.decode(raw);
      } catch {
        return latin1.decode(raw);
      }
    },
    line: () => {
      const end = data.indexOf(10, position);
      if (end < 0) throw new PickleTruncated(data.length - position + 1, data.length - position);
      const line = text(end - position);
      position = end + 1;
      return line;
    },
    integer: (length) => {
      if (length > longestIntegerBytes) {
        throw new NetworkError('damaged', `The pickle holds an integer of ${length} bytes.`);
      }
      let value = 0n;
      const raw = bytes(length);
      for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i]!);
      return small(BigInt.asIntN(length * 8, value));
    },
  };
}

/** An integer of the text opcodes, perhaps with Python 2's `L` at its end. */
export function parseInteger(line: string): number | bigint {
  if (line.length > longestIntegerText || !/^-?\d+L?$/.test(line)) {
    throw new NetworkError(
      'damaged',
      `The pickle holds '${line.slice(0, 40)}' where an integer was expected.`,
    );
  }
  return small(BigInt(line.replace('L', '')));
}

/** As a number if that is exact. */
function small(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
