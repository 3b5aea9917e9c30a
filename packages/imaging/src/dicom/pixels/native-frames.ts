import { frameBits, type PixelDescription } from './pixel-description.ts';

/** The containers of stored values, one a sample, before masking. */
export type Words = Uint8Array | Uint16Array | Uint32Array;

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Views bytes as words of 8, 16 or 32 bits. Copies only where alignment or byte order demand it.
 */
export function asWords(bytes: Uint8Array, bits: number, littleEndian: boolean): Words {
  if (bits === 8) return bytes;
  const size = bits / 8;
  const count = Math.floor(bytes.length / size);
  const swap = littleEndian !== hostIsLittleEndian;
  if (swap || bytes.byteOffset % size !== 0) bytes = copyBytes(bytes, count * size);
  const words =
    bits === 16
      ? new Uint16Array(bytes.buffer, bytes.byteOffset, count)
      : new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  if (swap) {
    for (let i = 0; i < count; i++) {
      const w = words[i]!;
      words[i] =
        bits === 16
          ? ((w & 0xff) << 8) | (w >>> 8)
          : ((w & 0xff) << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24);
    }
  }
  return words;
}

/** A true copy: `slice` of a Node Buffer shares its memory. */
function copyBytes(bytes: Uint8Array, length: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, 0, length);
}

/**
 * The containers of one uncompressed frame, samples of a pixel together.
 * @param bytes the pixel data's value from byte `start` of it on
 */
export function nativeFrame(bytes: Uint8Array, d: PixelDescription, frame: number, start = 0): Words {
  const bits = frameBits(d);
  if (d.bitsAllocated === 1) return unpackBits(bytes, bits * frame - start * 8, bits);
  const at = (bits / 8) * frame - start;
  const value = bytes.subarray(at, at + bits / 8);
  if (d.photometric === 'YBR_FULL_422' && d.samples === 3 && d.bitsAllocated === 8) return expand422(value);
  // Doubles travel as pairs of 32-bit words.
  const words = asWords(value, Math.min(32, d.bitsAllocated), d.syntax.littleEndian);
  return d.samples > 1 && d.planarConfiguration === 1 ? interleave(words, d.samples) : words;
}

/** Whether frame `frame` can be viewed without looking at others, and which bytes of the value it takes. */
export function nativeFrameRange(d: PixelDescription, frame: number): readonly [number, number] {
  const bits = frameBits(d);
  return [Math.floor((bits * frame) / 8), Math.ceil((bits * (frame + 1)) / 8)];
}

/** One bit a pixel, least significant first; frames follow each other without padding (PS3.5 section 8.1.1). */
function unpackBits(bytes: Uint8Array, first: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const bit = first + i;
    out[i] = (bytes[bit >> 3]! >> (bit & 7)) & 1;
  }
  return out;
}

/** Y Y Cb Cr to Y Cb Cr, Y Cb Cr. */
function expand422(bytes: Uint8Array): Uint8Array {
  const pairs = bytes.length >> 2;
  const out = new Uint8Array(pairs * 6);
  for (let i = 0; i < pairs; i++) {
    const cb = bytes[4 * i + 2]!;
    const cr = bytes[4 * i + 3]!;
    out.set([bytes[4 * i]!, cb, cr, bytes[4 * i + 1]!, cb, cr], 6 * i);
  }
  return out;
}

/** Planes to pixels. */
export function interleave(words: Words, samples: number): Words {
  const out = words instanceof Uint8Array ? copyBytes(words, words.length) : words.slice();
  const plane = words.length / samples;
  for (let s = 0; s < samples; s++) {
    for (let i = 0; i < plane; i++) out[i * samples + s] = words[s * plane + i]!;
  }
  return out;
}
