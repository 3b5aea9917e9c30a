/** Pieces of pickles for tests: each function gives the opcodes that leave one value on the stack. */

export const none = Buffer.from('N');
export const yes = Buffer.of(0x88);

export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5, 'J');
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) {
    bytes.writeInt32LE(value, 1);
    return bytes;
  }
  const long = Buffer.alloc(10);
  long.set([0x8a, 8]);
  long.writeBigInt64LE(BigInt(value), 2);
  return long;
}

export function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(value));
  return Buffer.concat([Buffer.from('X'), length, Buffer.from(value)]);
}

export function global(module: string, name: string): Buffer {
  return Buffer.from(`c${module}\n${name}\n`);
}

export function tuple(...items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]);
}

export function list(...items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(']('), ...items, Buffer.from('e')]);
}

export function dict(items: readonly (readonly [Buffer, Buffer])[]): Buffer {
  return Buffer.concat([Buffer.from('}('), ...items.flat(), Buffer.from('u')]);
}

export function call(callee: Buffer, ...args: readonly Buffer[]): Buffer {
  return Buffer.concat([callee, tuple(...args), Buffer.from('R')]);
}

/** A whole pickle of protocol 2. */
export function pickle(...pieces: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.of(0x80, 2), ...pieces, Buffer.from('.')]);
}
