import { addToPairs } from './convert-pairs.ts';
import type { Words } from './native-frames.ts';
import type { PixelDescription } from './pixel-description.ts';

/** Stored values to modality units (HU for CT): PS3.3 section C.11.1. */
export interface ModalityTransform {
  readonly slope: number;
  readonly intercept: number;
  /** Whether slope and intercept were in the file. */
  readonly stated: boolean;
  /** Rescale Type. */
  readonly type?: string;
  /** Modality LUT: the value of stored `first + i` is `values[i]`; ends are extended. */
  readonly lut?: { readonly first: number; readonly values: readonly number[] };
}

/** Stored values that mean "nothing measured here", and what to write instead. */
export interface Padding {
  /** Inclusive range of stored values; empty when `low > high`. */
  readonly low: number;
  readonly high: number;
  /** The padding value as a container word: scanners pad with words beyond Bits Stored. */
  readonly word: number;
  readonly fill: number;
}

export interface ConversionResult {
  /** Whether all values are in the range of Int16; those of an Int16 target are wrong when not. */
  readonly fits: boolean;
  /** Voxels below -1024, padding not counted. */
  readonly belowAir: number;
  readonly padded: number;
}

/** Whether all results of a transform are whole numbers. */
export function isIntegral(transform: ModalityTransform): boolean {
  return Number.isInteger(transform.slope) && Number.isInteger(transform.intercept);
}

/**
 * Masks, extends the sign, applies slope and intercept and writes, in one pass.
 */
export function convertFrame(
  words: Words,
  d: PixelDescription,
  transform: ModalityTransform,
  padding: Padding | undefined,
  out: Int16Array | Float32Array | Float64Array,
  at: number,
  count: number,
): ConversionResult {
  if (
    padding === undefined &&
    transform.lut === undefined &&
    words instanceof Uint16Array &&
    out instanceof Int16Array &&
    d.kind === 'integer' &&
    isSmallInteger(transform)
  ) {
    return convertIntegers(words, d, transform, out.subarray(at, at + count));
  }
  return convertAny(words, d, transform, padding, out, at, count);
}

/** Whether 16-bit values times slope plus intercept stay within 32-bit integers. */
function isSmallInteger(transform: ModalityTransform): boolean {
  return (
    isIntegral(transform) &&
    Math.abs(transform.slope) <= 16384 &&
    Math.abs(transform.intercept) <= 1_000_000_000
  );
}

/** The common case, 16-bit words to Int16 by whole numbers: in pairs where it can be, else one by one. */
function convertIntegers(
  words: Uint16Array,
  d: PixelDescription,
  { slope, intercept }: ModalityTransform,
  out: Int16Array,
): ConversionResult {
  const plain = d.highBit === d.bitsStored - 1 && (!d.signed || d.bitsStored === 16);
  const even = out.length % 2 === 0 && words.byteOffset % 4 === 0 && out.byteOffset % 4 === 0;
  if (plain && even && slope === 1 && intercept === (intercept << 16) >> 16) {
    const half = out.length / 2;
    const from = new Int32Array(words.buffer, words.byteOffset, half);
    const to = new Int32Array(out.buffer, out.byteOffset, half);
    const result = addToPairs(from, 2 ** d.bitsStored - 1, !d.signed, intercept, to);
    if (result.fits) {
      return { fits: true, belowAir: result.maybeBelowAir ? countBelowAir(out) : 0, padded: 0 };
    }
  }
  const left = 31 - d.highBit;
  const right = 32 - d.bitsStored;
  const { signed } = d;
  let overflow = 0;
  let belowAir = 0;
  for (let i = 0; i < out.length; i++) {
    const shifted = words[i]! << left;
    const value = (Math.imul(signed ? shifted >> right : shifted >>> right, slope) + intercept) | 0;
    out[i] = value;
    overflow |= ((value << 16) >> 16) ^ value;
    belowAir += (value + 1024) >>> 31;
  }
  return { fits: overflow === 0, belowAir, padded: 0 };
}

function countBelowAir(values: Int16Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! < -1024) count++;
  return count;
}

function convertAny(
  words: Words,
  d: PixelDescription,
  transform: ModalityTransform,
  padding: Padding | undefined,
  out: Int16Array | Float32Array | Float64Array,
  at: number,
  count: number,
): ConversionResult {
  const left = 31 - d.highBit;
  const right = 32 - d.bitsStored;
  const { slope, intercept, lut } = transform;
  const { signed } = d;
  const floats =
    d.kind === 'float32'
      ? new Float32Array(words.buffer, words.byteOffset, count)
      : d.kind === 'float64'
        ? new Float64Array(words.slice(0, 2 * count).buffer)
        : undefined;
  const first = lut === undefined ? 0 : signed ? (lut.first << 16) >> 16 : lut.first;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  let belowAir = 0;
  let padded = 0;
  for (let i = 0; i < count; i++) {
    const word = words[i]!;
    const shifted = word << left;
    const stored = floats ? floats[i]! : signed ? shifted >> right : shifted >>> right;
    let value: number;
    if (
      padding !== undefined &&
      ((stored >= padding.low && stored <= padding.high) || word === padding.word)
    ) {
      value = padding.fill;
      padded++;
    } else if (lut !== undefined) {
      value = lut.values[Math.min(lut.values.length - 1, Math.max(0, stored - first))]!;
    } else {
      value = stored * slope + intercept;
    }
    if (value < -1024) belowAir++;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    out[at + i] = value;
  }
  return { fits: lowest >= -32768 && highest <= 32767, belowAir, padded };
}
