import { endianness } from 'node:os';
import { pipeline, Readable } from 'node:stream';
import { createDeflate, createGzip } from 'node:zlib';
import type { TaskControl } from '../progress/progress.ts';
import { swapBytes } from './stored-values.ts';

/** Voxel arrays that Glisson writes: volumes and labelmaps. */
export type WrittenVoxels = Int16Array | Float32Array | Uint8Array;

const pieceBytes = 1 << 22;

/**
 * Compression level of every file we write: fixed, so that the same voxels give the same bytes. CT noise hardly
 * shrinks further at higher levels, which take several times as long.
 */
const deflateLevel = 4;

/** Little-endian bytes of voxels, 4 MiB at a time; views on a little-endian machine, no copies. */
export async function* voxelPieces(
  voxels: WrittenVoxels,
  control: TaskControl = {},
): AsyncGenerator<Uint8Array> {
  const bytes = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    control.signal?.throwIfAborted();
    const piece = bytes.subarray(at, Math.min(bytes.length, at + pieceBytes));
    if (endianness() === 'LE' || voxels.BYTES_PER_ELEMENT === 1) yield piece;
    else {
      const copy = piece.slice();
      swapBytes(copy, voxels.BYTES_PER_ELEMENT);
      yield copy;
    }
    control.onProgress?.({
      stage: 'writing',
      done: Math.min(bytes.length, at + pieceBytes),
      total: bytes.length,
      unit: 'bytes',
    });
  }
}

/** Packs pieces into a gzip (time stamp 0) or zlib stream; an error in the pieces ends it. */
export function packed(
  pieces: AsyncIterable<Uint8Array>,
  container: 'gzip' | 'zlib',
): AsyncIterable<Uint8Array> {
  const options = { level: deflateLevel, chunkSize: 1 << 18 };
  const pack = container === 'gzip' ? createGzip(options) : createDeflate(options);
  // The error reaches whoever iterates; the callback only keeps it from being thrown a second time.
  pipeline(Readable.from(pieces, { objectMode: true }), pack, () => {});
  return pack;
}

/** One header, then what follows. */
export async function* headed(
  header: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield header;
  yield* rest;
}
