import { ImagingError } from '../../errors/imaging-error.ts';

/**
 * DICOM RLE (PS3.5 annex G): one segment a byte plane, most significant byte first, samples in order.
 * @returns the frame's words in little endian bytes, samples of a pixel together
 * @throws ImagingError `damaged`
 */
export function decodeRle(
  bytes: Uint8Array,
  pixels: number,
  samples: number,
  bytesPerSample: number,
): Uint8Array {
  const planes = samples * bytesPerSample;
  const damaged = (found: string, expected: string): never => {
    throw new ImagingError('damaged', 'The RLE-compressed pixels are damaged.', { found, expected });
  };
  if (bytes.length < 64) damaged(`${bytes.length} bytes`, 'a header of 64 bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== planes) damaged(`${segments} segments`, `${planes}`);
  const out = new Uint8Array(pixels * planes);
  for (let segment = 0; segment < planes; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < planes ? view.getUint32(8 + 4 * segment, true) : bytes.length;
    if (start < 64 || end > bytes.length || start > end)
      damaged(`a segment at ${start}..${end}`, 'one inside');
    const sample = Math.floor(segment / bytesPerSample);
    const byte = bytesPerSample - 1 - (segment % bytesPerSample);
    let at = sample * bytesPerSample + byte;
    let left = pixels;
    let i = start;
    while (left > 0 && i < end) {
      const n = bytes[i++]!;
      if (n < 128) {
        const count = Math.min(n + 1, left);
        if (i + count > end) damaged('a run beyond its segment', 'complete runs');
        for (let k = 0; k < count; k++, at += planes) out[at] = bytes[i + k]!;
        i += n + 1;
        left -= count;
      } else if (n > 128) {
        const count = Math.min(257 - n, left);
        if (i >= end) damaged('a run beyond its segment', 'complete runs');
        const value = bytes[i++]!;
        for (let k = 0; k < count; k++, at += planes) out[at] = value;
        left -= count;
      }
    }
    if (left > 0) damaged(`${pixels - left} pixels in segment ${segment}`, `${pixels}`);
  }
  return out;
}
