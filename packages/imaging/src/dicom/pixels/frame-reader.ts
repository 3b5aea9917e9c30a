import { ImagingError } from '../../errors/imaging-error.ts';
import { parseDicomFile } from '../parse/dicom-file.ts';
import type { SourceEntry } from '../source/entries.ts';
import { decodeFrame, prepareCodecs } from './codecs.ts';
import { encapsulatedFrames } from './encapsulated-frames.ts';
import { asWords, nativeFrame, nativeFrameRange, type Words } from './native-frames.ts';
import { assertPixelsComplete, describePixels, type PixelDescription } from './pixel-description.ts';

/** Decodes frames of one object, one at a time. Words are valid until the next call or read of the source. */
export interface FrameReader {
  readonly description: PixelDescription;
  frame(index: number): Promise<Words>;
}

/** Reads frames of an entry whose header was parsed before: uncompressed ones straight from their place. */
export async function openFrames(entry: SourceEntry, d: PixelDescription): Promise<FrameReader> {
  const direct = d.syntax.compression === 'none' && !d.syntax.deflated && d.length >= 0;
  if (direct && (entry.isSeekable || d.frames === 1)) {
    assertPixelsComplete(d, entry.size - d.offset, entry.name);
    return {
      description: d,
      frame: async (index) => {
        const [start, end] = nativeFrameRange(d, index);
        const bytes = await entry.readRange(d.offset + start, d.offset + end);
        if (bytes.length < end - start) assertPixelsComplete(d, d.length - 1, entry.name);
        return nativeFrame(bytes, d, index, start);
      },
    };
  }
  return framesOf(new Uint8Array(await entry.readAll()), entry.name);
}

/** Reads frames of a whole file in memory. The bytes must stay as they are. */
export async function framesOf(bytes: Uint8Array, where?: string): Promise<FrameReader> {
  const file = parseDicomFile(bytes, true, where);
  const d = describePixels(file, where);
  if (d === undefined) {
    throw new ImagingError('not-an-image', 'The DICOM object holds no pixels.', { where });
  }
  const value = file.dataSet.bytes.subarray(d.offset);
  assertPixelsComplete(d, value.length, where);
  if (d.length >= 0 && d.syntax.compression === 'none') {
    return { description: d, frame: async (index) => nativeFrame(value, d, index) };
  }
  if (d.length >= 0) {
    throw new ImagingError(
      'damaged',
      'The transfer syntax is a compressed one, but the pixels are not encapsulated.',
      {
        where,
        found: d.syntax.name,
      },
    );
  }
  const plain = d.syntax.compression === 'none';
  const streams = encapsulatedFrames(value, d, where);
  return {
    description: d,
    frame: async (index) => {
      const stream = streams[index];
      if (stream === undefined) {
        throw new ImagingError('damaged', 'The object has fewer frames than it says.', { where });
      }
      if (plain) return asWords(stream, d.bitsAllocated, d.syntax.littleEndian);
      await prepareCodecs(d);
      return decodeFrame(stream, d, where);
    },
  };
}
