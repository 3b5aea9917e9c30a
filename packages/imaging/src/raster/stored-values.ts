import { endianness } from 'node:os';
import { ImagingError } from '../errors/imaging-error.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { ByteStream } from './byte-stream.ts';

/** The number types in which NIfTI, NRRD and MetaImage store voxels. */
export type StoredType = keyof typeof arrayTypes;

/** Voxel values as the file holds them, before slope and intercept. */
export type StoredValues = InstanceType<(typeof arrayTypes)[StoredType]>;

const arrayTypes = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

export function bytesPerValue(type: StoredType): number {
  return arrayTypes[type].BYTES_PER_ELEMENT;
}

/** Larger images are refused before any memory is taken: a header can claim anything. */
export const maxImageBytes = 4 * 2 ** 30;

/** The best that deflate can do (1 byte into 1032): what a packed file of some size can hold at most. */
const maxDeflateRatio = 1032;

/** Bytes behind the last voxel that pass as padding; more means that the header is wrong, or a bomb. */
const toleratedTail = 65536;

/** What `readStoredValues` needs to know of the block of numbers behind a header. */
export interface StoredBlock {
  readonly type: StoredType;
  readonly count: number;
  readonly bigEndian: boolean;
  /** Size of the file on disk, and whether it is compressed: bounds what can come out of it. */
  readonly fileBytes: number;
  readonly packed: boolean;
  readonly path: string;
}

/**
 * Reads exactly the numbers that the header promises, and looks whether the stream ends there.
 * Memory is taken once, for the result; a packed stream is not unpacked further than 64 KiB behind its voxels.
 * @returns values in the machine's byte order, and how many bytes (up to 64 KiB) follow them
 * @throws ImagingError `damaged` (too few or far too many bytes), `unsupported` (more than 4 GiB)
 */
export async function readStoredValues(
  stream: ByteStream,
  block: StoredBlock,
  control: TaskControl = {},
): Promise<{ values: StoredValues; tailBytes: number }> {
  const { type, count, path } = block;
  const width = bytesPerValue(type);
  const promised = count * width;
  const most = block.packed ? block.fileBytes * maxDeflateRatio : block.fileBytes;
  if (promised > most) {
    throw new ImagingError('damaged', 'The header promises more voxels than the file can hold.', {
      where: path,
      found: `a file of ${block.fileBytes} bytes${block.packed ? ' (compressed)' : ''}`,
      expected: `${promised} bytes of voxels (${count} x ${type})`,
      advice: 'The file is cut off, or its header is wrong.',
    });
  }
  if (promised > maxImageBytes) {
    throw new ImagingError('unsupported', 'The image is too large.', {
      where: path,
      found: `${promised} bytes of voxels`,
      expected: `at most ${maxImageBytes} bytes`,
      advice: 'Crop or resample it first.',
    });
  }
  const bytes = new Uint8Array(promised);
  const pieceBytes = 1 << 23;
  for (let done = 0; done < promised; done += pieceBytes) {
    control.signal?.throwIfAborted();
    const piece = bytes.subarray(done, Math.min(promised, done + pieceBytes));
    const filled = await stream.fill(piece, control);
    if (filled < piece.length) {
      throw new ImagingError('damaged', 'The file ends before its last voxel.', {
        where: path,
        found: `${done + filled} bytes of voxels`,
        expected: `${promised} (${count} x ${type})`,
        advice: 'The file is cut off: copy it again.',
      });
    }
    control.onProgress?.({ stage: 'reading', done: done + piece.length, total: promised, unit: 'bytes' });
  }
  // Reading on to the end also lets zlib compare the checksum.
  const tailBytes = await stream.fill(new Uint8Array(toleratedTail + 1), control);
  if (tailBytes > toleratedTail) {
    throw new ImagingError('damaged', 'The file holds far more than the voxels that its header promises.', {
      where: path,
      found: `more than ${toleratedTail} bytes behind the last voxel`,
      expected: `${promised} bytes of voxels (${count} x ${type})`,
      advice: 'The header is wrong, or the file was made to fill the disk. Nothing of it was used.',
    });
  }
  if (width > 1 && block.bigEndian !== (endianness() === 'BE')) swapBytes(bytes, width);
  return { values: viewAs(bytes, type), tailBytes };
}

/** A typed view of bytes that begin at an aligned offset; does not copy. */
export function viewAs(bytes: Uint8Array, type: StoredType): StoredValues {
  const ArrayType = arrayTypes[type];
  return new ArrayType(
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset,
    bytes.length / ArrayType.BYTES_PER_ELEMENT,
  );
}

/** Reverses the bytes of each `width`-byte number in place. */
export function swapBytes(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else if (width === 8) buffer.swap64();
}
