import { readFileSync } from 'node:fs';
import { ImagingError } from '../errors/imaging-error.ts';
import { framesOf } from './pixels/frame-reader.ts';
import type { Words } from './pixels/native-frames.ts';
import type { PixelDescription } from './pixels/pixel-description.ts';

export type StoredValues =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** The stored values of an image object: before rescale, LUTs and colour conversion. */
export interface StoredPixels {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** 1 for grey, 3 for colour; the samples of a pixel lie together. */
  readonly samples: number;
  readonly bitsStored: number;
  readonly photometric: string;
  readonly transferSyntaxUid: string;
  /** False when the values went through a lossy transfer syntax. */
  readonly lossless: boolean;
  /** Frame by frame, row by row, sample fastest. */
  readonly values: StoredValues;
}

/**
 * Reads the stored pixel values of any image object, of any modality: integers of 1, 8, 16 or 32 bits and
 * float pixel data, single- or multi-frame, in every transfer syntax that can be decoded. Bits outside of
 * Bits Stored (old overlays) are masked off and the sign is extended, as PS3.5 section 8.1.1 defines the values.
 * @param source the file's bytes (not copied) or its path
 * @throws ImagingError `not-an-image`, `damaged`, `unsupported`, `not-readable`
 */
export async function readStoredPixels(source: Uint8Array | string): Promise<StoredPixels> {
  const where = typeof source === 'string' ? source : undefined;
  const bytes = typeof source === 'string' ? readWhole(source) : source;
  const reader = await framesOf(bytes, where);
  const d = reader.description;
  const frameLength = d.rows * d.columns * d.samples;
  const values = allocate(d, frameLength * d.frames, where);
  for (let f = 0; f < d.frames; f++) {
    const words = await reader.frame(f);
    if (words.length * (d.kind === 'float64' ? 0.5 : 1) < frameLength) {
      throw new ImagingError('damaged', 'A frame holds fewer pixels than rows and columns ask for.', {
        where,
        found: `${words.length}`,
        expected: `${frameLength}`,
      });
    }
    storeFrame(words, d, values, f * frameLength, frameLength);
  }
  return {
    rows: d.rows,
    columns: d.columns,
    frames: d.frames,
    samples: d.samples,
    bitsStored: d.bitsStored,
    photometric: d.photometric,
    transferSyntaxUid: d.syntax.uid,
    lossless: d.syntax.lossless,
    values,
  };
}

function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ImagingError('not-readable', 'The file cannot be read.', {
      where: path,
      found: (error as Error).message,
      cause: error,
    });
  }
}

function allocate(d: PixelDescription, count: number, where?: string): StoredValues {
  try {
    if (d.kind === 'float32') return new Float32Array(count);
    if (d.kind === 'float64') return new Float64Array(count);
    if (d.bitsAllocated <= 8) return d.signed ? new Int8Array(count) : new Uint8Array(count);
    if (d.bitsAllocated === 16) return d.signed ? new Int16Array(count) : new Uint16Array(count);
    return d.signed ? new Int32Array(count) : new Uint32Array(count);
  } catch (error) {
    throw new ImagingError('unsupported', 'The image is too large for memory.', {
      where,
      found: `${count} values`,
      cause: error,
    });
  }
}

function storeFrame(words: Words, d: PixelDescription, out: StoredValues, at: number, count: number): void {
  if (d.kind !== 'integer') {
    const aligned = words.byteOffset % 8 === 0 ? words : words.slice();
    const floats =
      d.kind === 'float32'
        ? new Float32Array(aligned.buffer, aligned.byteOffset, count)
        : new Float64Array(aligned.buffer, aligned.byteOffset, count);
    (out as Float64Array).set(floats, at);
    return;
  }
  const left = 31 - d.highBit;
  const right = 32 - d.bitsStored;
  if (d.signed) for (let i = 0; i < count; i++) out[at + i] = (words[i]! << left) >> right;
  else for (let i = 0; i < count; i++) out[at + i] = (words[i]! << left) >>> right;
}
