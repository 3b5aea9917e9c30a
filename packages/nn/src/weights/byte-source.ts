import { open } from 'node:fs/promises';
import { NetworkError } from '../errors/network-error.ts';

import { checkValue } from '../options/check-options.ts';
import { aFunction, objectWith, bytes as someBytes, text } from '../options/rules.ts';

/** Bytes that are read piece by piece: a file, or memory. */
export interface ByteSource {
  /** For messages: the path of a file. */
  readonly name: string;
  readonly size: number;
  /**
   * Bytes `from` (included) to `to` (excluded); a view or a copy.
   * @throws NetworkError 'damaged' when the source has no such bytes
   */
  read(from: number, to: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What functions that open a file look at first. */
export const aSource = objectWith('a source of bytes, as fileSource(path) or memorySource(bytes) gives', {
  read: aFunction,
  close: aFunction,
});

/** Bytes in memory; `read` gives views. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  checkValue('memorySource: bytes', bytes, someBytes);
  return {
    name,
    size: bytes.length,
    read: async (from, to) => {
      checkRange(from, to, bytes.length, name);
      return bytes.subarray(from, to);
    },
    close: async () => {},
  };
}

/** Opens a file; what was not asked for is never in memory. Rejects as `fs.open` does when it cannot be opened. */
export async function fileSource(path: string): Promise<ByteSource> {
  checkValue('fileSource: path', path, text);
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    return {
      name: path,
      size,
      read: async (from, to) => {
        checkRange(from, to, size, path);
        const bytes = new Uint8Array(to - from);
        let done = 0;
        while (done < bytes.length) {
          const { bytesRead } = await handle.read(bytes, done, bytes.length - done, from + done);
          if (bytesRead === 0) {
            throw new NetworkError('damaged', `${path} became shorter while it was read.`);
          }
          done += bytesRead;
        }
        return bytes;
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function checkRange(from: number, to: number, size: number, name: string): void {
  if (!(from >= 0 && from <= to && to <= size)) {
    throw new NetworkError('damaged', `${name} has ${size} bytes; bytes ${from} to ${to} were looked for.`);
  }
}
