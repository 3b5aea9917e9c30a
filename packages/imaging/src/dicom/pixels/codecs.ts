import type codecs from 'dcmjs-codecs';
import { ImagingError } from '../../errors/imaging-error.ts';
import { asWords, type Words } from './native-frames.ts';
import type { PixelDescription } from './pixel-description.ts';
import { decodeRle } from './rle.ts';
import { streamSize } from './stream-size.ts';

/** Loaded when the first compressed frame is met: most scans have none. */
let loaded: typeof codecs | undefined;

/** Makes the decoders ready; cheap when they are. The WebAssembly is loaded once a process. */
export async function prepareCodecs(d: PixelDescription): Promise<void> {
  const { compression } = d.syntax;
  if (compression === 'none' || compression === 'rle' || compression === 'unsupported') return;
  loaded ??= (await import('dcmjs-codecs')).default;
  if (!loaded.NativeCodecs.isInitialized()) await loaded.NativeCodecs.initializeAsync();
}

const methods = {
  jpeg: 'decodeJpeg',
  'jpeg-ls': 'decodeJpegLs',
  'jpeg-2000': 'decodeJpeg2000',
  htj2k: 'decodeHtJpeg2000',
  'jpeg-xl': 'decodeJpegXl',
  none: undefined,
  unsupported: undefined,
} as const;

/**
 * Decodes one compressed frame into containers as wide as `bitsAllocated`, samples of a pixel together.
 * Colour stays in the space of the stream. `prepareCodecs` must have been awaited before.
 * @throws ImagingError `unsupported` or `damaged`
 */
export function decodeFrame(stream: Uint8Array, d: PixelDescription, where?: string): Words {
  const pixels = d.rows * d.columns;
  if (d.syntax.compression === 'rle') {
    return asWords(decodeRle(stream, pixels, d.samples, d.bitsAllocated / 8), d.bitsAllocated, true);
  }
  const method = methods[d.syntax.compression];
  if (method === undefined || loaded === undefined) {
    throw new ImagingError('unsupported', 'The pixels are compressed in a way that cannot be read.', {
      where,
      found: d.syntax.name,
      advice:
        'Export the series uncompressed (Explicit VR Little Endian), or convert it with gdcmconv --raw.',
    });
  }
  const damaged = (found: string, cause?: unknown): never => {
    throw new ImagingError('damaged', 'The compressed pixels cannot be decoded.', {
      where,
      found: `${d.syntax.name}: ${found}`,
      cause,
    });
  };
  if (d.syntax.compression !== 'jpeg-xl' && !endsStream(stream)) {
    damaged('no end-of-image marker: the stream is cut off');
  }
  const size = d.syntax.compression === 'jpeg-xl' ? undefined : streamSize(stream);
  if (size === undefined && d.syntax.compression !== 'jpeg-xl') damaged('no header in the stream');
  if (size && (size.columns !== d.columns || size.rows !== d.rows || size.samples !== d.samples)) {
    // The decoder would give as many pixels as the stream has, in the stream's own shape.
    damaged(
      `a stream of ${size.columns} x ${size.rows} pixels of ${size.samples} samples, but the header says ` +
        `${d.columns} x ${d.rows} of ${d.samples}`,
    );
  }
  const { Context, NativeCodecs } = loaded;
  let decoded: { bytes: Uint8Array; bits: number };
  try {
    const context = NativeCodecs[method](
      new Context({
        width: d.columns,
        height: d.rows,
        bitsAllocated: d.bitsAllocated,
        bitsStored: d.bitsStored,
        samplesPerPixel: d.samples,
        pixelRepresentation: d.signed ? 1 : 0,
        planarConfiguration: 0,
        photometricInterpretation: d.samples === 1 ? 'MONOCHROME2' : 'RGB',
        encodedBuffer: stream,
      }),
      { convertColorspaceToRgb: false },
    );
    const bytes = context.getDecodedBuffer() ?? new Uint8Array();
    decoded = { bytes, bits: (8 * bytes.length) / (pixels * d.samples) };
  } catch (error) {
    // After a C++ exception the module's heap is not to be trusted: the next frame gets a new one.
    if (error instanceof ImagingError) throw error;
    NativeCodecs.release();
    return damaged((error as Error).message, error);
  }
  if (decoded.bits === d.bitsAllocated) return asWords(decoded.bytes, d.bitsAllocated, true);
  if (decoded.bits === 8 && d.bitsAllocated === 16) {
    return d.signed
      ? Uint16Array.from(new Int8Array(decoded.bytes.buffer, decoded.bytes.byteOffset, decoded.bytes.length))
      : Uint16Array.from(decoded.bytes);
  }
  return damaged(`${decoded.bytes.length} bytes for ${pixels} pixels of ${d.bitsAllocated} bits`);
}

/** Whether the stream's last bytes hold an end marker (FFD9), behind at most a little padding. */
function endsStream(stream: Uint8Array): boolean {
  let end = stream.length;
  const least = Math.max(2, stream.length - 64);
  while (end > least && stream[end - 1] === 0) end--;
  if (stream[end - 2] === 0xff && stream[end - 1] === 0xd9) return true;
  for (let i = stream.length - 2; i >= Math.max(0, stream.length - 64); i--) {
    if (stream[i] === 0xff && stream[i + 1] === 0xd9) return true;
  }
  return false;
}
