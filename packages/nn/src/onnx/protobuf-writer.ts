/** Protocol-buffer encoding: a message is the concatenation of its fields, each a list of byte pieces. */
export type Pieces = readonly Uint8Array[];

const utf8 = new TextEncoder();

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

/** A field of type int32, int64, enum or bool; negative numbers take ten bytes, as the format demands. */
export function integerField(field: number, value: number | bigint): Pieces {
  return [varint(field << 3), varint(value)];
}

/** A field that holds a 32-bit float. */
export function floatField(field: number, value: number): Pieces {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [varint((field << 3) | 5), bytes];
}

/** A field that holds a 64-bit float. */
export function doubleField(field: number, value: number): Pieces {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return [varint((field << 3) | 1), bytes];
}

/** A field of bytes; keeps (does not copy) the array. */
export function bytesField(field: number, bytes: Uint8Array): Pieces {
  return [varint((field << 3) | 2), varint(bytes.length), bytes];
}

/** A field that holds text, as UTF-8. */
export function textField(field: number, text: string): Pieces {
  return bytesField(field, utf8.encode(text));
}

/** A field that is a message itself. */
export function messageField(field: number, ...parts: readonly Pieces[]): Pieces {
  const pieces = parts.flat();
  return [varint((field << 3) | 2), varint(pieces.reduce((sum, piece) => sum + piece.length, 0)), ...pieces];
}

/** Joins pieces into one array. */
export function joinPieces(parts: readonly Pieces[]): Uint8Array {
  const pieces = parts.flat();
  const result = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    result.set(piece, offset);
    offset += piece.length;
  }
  return result;
}
