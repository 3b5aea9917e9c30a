import type { SeededRandom } from '../random/seeded-random.ts';

/** Noise of one slice at a time, unit standard deviation, correlated in the plane. */
export interface CtNoise {
  /** Fills `out` (rows x columns, x fastest) with a new realisation. */
  fill(out: Float32Array): void;
}

function gaussian(sigma: number): Float64Array {
  const reach = Math.max(1, Math.ceil(3 * sigma));
  const taps = new Float64Array(2 * reach + 1);
  let sum = 0;
  for (let i = -reach; i <= reach; i++) sum += taps[i + reach] = Math.exp((-i * i) / (2 * sigma * sigma));
  for (let i = 0; i < taps.length; i++) taps[i]! /= sum;
  return taps;
}

function centredDot(a: Float64Array, b: Float64Array): number {
  const shift = (b.length - a.length) / 2;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * (b[i + shift] ?? 0);
  return sum;
}

/** 1 / sd of the sum of four uniform bytes, each of variance (256^2 - 1) / 12. */
const whiteScale = 1 / Math.sqrt((4 * (256 * 256 - 1)) / 12);

/** How much of the low frequencies the wide Gaussian takes away: reconstruction keeps a little. */
const lowFrequencyLoss = 0.8;

/**
 * Noise with the spectrum of filtered back projection: a ramp (noise power rises from low frequencies)
 * times an apodisation (falls at high ones), here as the difference of two Gaussians of about 0.6 and
 * 1.9 mm, applied separably to white noise. After Riederer, Pelc and Chesler, "The noise power spectrum in
 * computed X-ray tomography", Phys Med Biol 23 (1978). White noise is a sum of four uniform
 * bytes, and the filter mixes many of them: the result is normal for all purposes.
 */
export function createCtNoise(
  random: SeededRandom,
  columns: number,
  rows: number,
  pixelMm: number,
  sharpnessMm = 0.6,
): CtNoise {
  const narrowSigma = Math.max(0.65, sharpnessMm / pixelMm);
  const narrow = gaussian(narrowSigma);
  const wide = gaussian(narrowSigma * 3);
  const a = lowFrequencyLoss;
  const nn = centredDot(narrow, narrow);
  const nw = centredDot(narrow, wide);
  const ww = centredDot(wide, wide);
  const variance = nn * nn - 2 * a * nw * nw + a * a * ww * ww;
  const gain = 1 / Math.sqrt(variance);
  const margin = (wide.length - 1) / 2;
  const fullColumns = columns + 2 * margin;
  const fullRows = rows + 2 * margin;
  const white = new Float32Array(fullColumns * fullRows);
  const narrowRows = new Float32Array(fullColumns * rows);
  const wideRows = new Float32Array(fullColumns * rows);

  /** Convolves along y: `rows` lines out of `fullRows`. */
  const alongColumns = (taps: Float64Array, out: Float32Array): void => {
    const reach = (taps.length - 1) / 2;
    out.fill(0);
    for (let t = 0; t < taps.length; t++) {
      const weight = taps[t]!;
      const from = (margin + t - reach) * fullColumns;
      for (let i = 0; i < out.length; i++) out[i]! += weight * white[from + i]!;
    }
  };
  /** Convolves along x and adds `scale` times the result to `out`. */
  const alongRows = (taps: Float64Array, source: Float32Array, scale: number, out: Float32Array): void => {
    const reach = (taps.length - 1) / 2;
    for (let j = 0; j < rows; j++) {
      const line = j * fullColumns + margin - reach;
      const target = j * columns;
      for (let t = 0; t < taps.length; t++) {
        const weight = taps[t]! * scale;
        const from = line + t;
        for (let i = 0; i < columns; i++) out[target + i]! += weight * source[from + i]!;
      }
    }
  };
  return {
    fill: (out) => {
      for (let i = 0; i < white.length; i++) {
        // Sum of the four bytes of one draw: near enough to normal before the filter.
        const draw = (random.uniform() * 4294967296) | 0;
        const sum = (draw & 255) + ((draw >>> 8) & 255) + ((draw >>> 16) & 255) + (draw >>> 24);
        white[i] = (sum - 510) * whiteScale;
      }
      alongColumns(narrow, narrowRows);
      alongColumns(wide, wideRows);
      out.fill(0);
      alongRows(narrow, narrowRows, gain, out);
      alongRows(wide, wideRows, -a * gain, out);
    },
  };
}
