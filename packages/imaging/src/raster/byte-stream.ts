import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createUnzip } from 'node:zlib';
import { ImagingError } from '../errors/imaging-error.ts';
import type { TaskControl } from '../progress/progress.ts';

/** Bytes of a file from front to back, unpacked on the way when they are compressed. */
export interface ByteStream {
  /** Fills `target` and returns how many bytes there were: fewer than asked for only at the end. */
  fill(target: Uint8Array, control?: TaskControl): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a file at `offset`.
 * @param packed the bytes from there on are a gzip or zlib stream (told apart by their first bytes)
 * @throws ImagingError `not-found`, `not-readable`; `fill` throws `damaged` when the stream does not unpack
 */
export async function openByteStream(path: string, packed: boolean, offset = 0): Promise<ByteStream> {
  const handle = await openToRead(path);
  return packed ? unpackedStream(handle, path, offset) : plainStream(handle, offset);
}

/** @throws ImagingError `not-found`, `not-readable` */
export async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw asReadError(error, path);
  }
}

/** Turns what the file system says into an `ImagingError`; other errors pass unchanged. */
export function asReadError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ImagingError('not-found', 'There is nothing at this path.', {
      where: path,
      advice: 'Check the spelling.',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EISDIR' || code === 'EIO') {
    return new ImagingError('not-readable', 'This path cannot be read as a file.', {
      where: path,
      found: code,
      cause: error,
    });
  }
  return error;
}

/** More than any header extension needs; what a packed file may make us unpack for nothing. */
const maxSkippedBytes = 1 << 28;

/** Passes over bytes before the voxels. @throws ImagingError `damaged` when there are fewer, or absurdly many */
export async function skipBytes(stream: ByteStream, count: number, path: string): Promise<void> {
  if (count > maxSkippedBytes) {
    throw new ImagingError('damaged', 'The voxels are said to begin far behind the header.', {
      where: path,
      found: `${count} bytes behind it`,
      expected: `at most ${maxSkippedBytes}`,
    });
  }
  const piece = new Uint8Array(Math.min(count, 1 << 16));
  for (let left = count; left > 0; ) {
    const filled = await stream.fill(piece.subarray(0, Math.min(left, piece.length)));
    if (filled === 0) {
      throw new ImagingError('damaged', 'The file ends before its voxels begin.', {
        where: path,
        expected: `${left} more bytes`,
      });
    }
    left -= filled;
  }
}

function plainStream(handle: FileHandle, offset: number): ByteStream {
  const pieceBytes = 1 << 24;
  let position = offset;
  return {
    async fill(target, control) {
      let filled = 0;
      while (filled < target.length) {
        control?.signal?.throwIfAborted();
        const wanted = Math.min(pieceBytes, target.length - filled);
        const { bytesRead } = await handle.read(target, filled, wanted, position);
        if (bytesRead === 0) break;
        filled += bytesRead;
        position += bytesRead;
      }
      return filled;
    },
    close: () => handle.close(),
  };
}

function unpackedStream(handle: FileHandle, path: string, offset: number): ByteStream {
  const pieceBytes = 1 << 18;
  const source = createReadStream(path, {
    fd: handle,
    start: offset,
    highWaterMark: pieceBytes,
    autoClose: false,
  });
  const unzip = createUnzip({ chunkSize: pieceBytes });
  source.on('error', (error) => unzip.destroy(error));
  // The iterator below reports errors; without a listener one that comes before it is asked would end the process.
  unzip.on('error', () => {});
  source.pipe(unzip);
  const pieces: AsyncIterator<Uint8Array> = unzip[Symbol.asyncIterator]();
  let piece: Uint8Array = new Uint8Array(0);
  return {
    async fill(target, control) {
      let filled = 0;
      while (filled < target.length) {
        control?.signal?.throwIfAborted();
        if (piece.length === 0) {
          const next = await pieces.next().catch((error: unknown) => {
            throw new ImagingError('damaged', 'The compressed data cannot be unpacked.', {
              where: path,
              found: (error as Error).message,
              expected: 'a whole gzip or zlib stream',
              advice: 'The file is probably cut off or was changed on the way: copy it again.',
              cause: error,
            });
          });
          if (next.done) break;
          piece = next.value;
        }
        const taken = Math.min(piece.length, target.length - filled);
        target.set(piece.subarray(0, taken), filled);
        piece = piece.subarray(taken);
        filled += taken;
      }
      return filled;
    },
    async close() {
      source.destroy();
      unzip.destroy();
      await handle.close();
    },
  };
}
