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
  readonly lowest: number;
  readonly highest: number;
  /** Voxels below -1024, padding not counted. */
  readonly belowAir: number;
  readonly padded: number;
}

/** Whether all results of a transform are whole numbers. */
export function isIntegral(transform: ModalityTransform): boolean {
  return Number.isInteger(transform.slope) && Number.isInteger(transform.intercept);
}

/**
 * Masks, extends the sign, applies slope and intercept and writes, in one pass. An Int16 target overflows in
 * silence: compare `lowest` and `highest` with its range.
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
    d.kind === 'integer'
  ) {
    return convertWords(words, d, transform, out, at, count);
  }
  return convertAny(words, d, transform, padding, out, at, count);
}

/** The common case, kept apart so that the engine compiles it for these array types alone. */
function convertWords(
  words: Uint16Array,
  d: PixelDescription,
  transform: ModalityTransform,
  out: Int16Array,
  at: number,
  count: number,
): ConversionResult {
  const left = 31 - d.highBit;
  const right = 32 - d.bitsStored;
  const { slope, intercept } = transform;
  const { signed } = d;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const shifted = words[i]! << left;
    const value = (signed ? shifted >> right : shifted >>> right) * slope + intercept;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    out[at + i] = value;
  }
  let belowAir = 0;
  if (lowest < -1024) for (let i = at; i < at + count; i++) if (out[i]! < -1024) belowAir++;
  return { lowest, highest, belowAir, padded: 0 };
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
  return { lowest, highest, belowAir, padded };
}
