import { type Shape, sizeOf } from '../graph/shape.ts';
import type { ReferenceArray } from '../graph/tensor.ts';

/** Stride, zeros before every spatial axis, dilation and groups of a convolution; the zeros after it follow from the sizes. */
export interface ConvolutionGeometry {
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Rows (channel and kernel position) and columns (output pixel) of the patches that are gathered at a time. */
const tile = { rows: 256, columns: 512 };

/**
 * Adds to `output` [N, K, ...O] the convolution of `image` [N, C, ...S] with `weights` [K, C / groups, ...U], in float64:
 * patches are gathered tile by tile, and multiplied as matrices.
 */
export function convolve(
  image: ReferenceArray,
  weights: ReferenceArray,
  output: { readonly shape: Shape; readonly values: Float64Array },
  geometry: ConvolutionGeometry,
): void {
  forEachTile(image.shape, weights.shape, output.shape, geometry, (patches, place) => {
    patches.gather(image.values);
    addProduct(
      { values: output.values, at: place.output, stride: place.pixels },
      { values: weights.values, at: place.weights, rowStride: place.rowLength, columnStride: 1 },
      patches,
      place.filters,
      patches.rows,
      patches.columns,
    );
  });
}

/** Adds to `image` the transpose of the same convolution, of `output`. */
export function convolveTranspose(
  image: { readonly shape: Shape; readonly values: Float64Array },
  weights: ReferenceArray,
  output: ReferenceArray,
  geometry: ConvolutionGeometry,
): void {
  forEachTile(image.shape, weights.shape, output.shape, geometry, (patches, place) => {
    patches.values.fill(0);
    addProduct(
      patches,
      { values: weights.values, at: place.weights, rowStride: 1, columnStride: place.rowLength },
      { values: output.values, at: place.output, stride: place.pixels },
      patches.rows,
      place.filters,
      patches.columns,
    );
    patches.scatter(image.values);
  });
}

/** Adds to `weights` the gradient of a sum over `output` (its upstream) times the convolution of `image`. */
export function convolveWeightGradient(
  image: ReferenceArray,
  weights: { readonly shape: Shape; readonly values: Float64Array },
  output: ReferenceArray,
  geometry: ConvolutionGeometry,
): void {
  forEachTile(image.shape, weights.shape, output.shape, geometry, (patches, place) => {
    patches.gather(image.values);
    for (let filter = 0; filter < place.filters; filter++) {
      const upstream = place.output + filter * place.pixels;
      for (let row = 0; row < patches.rows; row++) {
        const from = patches.at + row * patches.stride;
        let sum = 0;
        for (let p = 0; p < patches.columns; p++) {
          sum += output.values[upstream + p]! * patches.values[from + p]!;
        }
        weights.values[place.weights + filter * place.rowLength + row]! += sum;
      }
    }
  });
}

interface Rows {
  readonly values: Float64Array;
  /** Offset of the first row. */
  readonly at: number;
  /** From one row to the next. */
  readonly stride: number;
}

/** target[i] += sum over j of factors[i, j] source[j], for rows of `width` numbers. */
function addProduct(
  target: Rows,
  factors: {
    readonly values: Float64Array;
    readonly at: number;
    readonly rowStride: number;
    readonly columnStride: number;
  },
  source: Rows,
  height: number,
  depth: number,
  width: number,
): void {
  const y = target.values;
  const x = source.values;
  const w = factors.values;
  const step = factors.columnStride;
  for (let i = 0; i < height; i++) {
    const to = target.at + i * target.stride;
    let j = 0;
    let f = factors.at + i * factors.rowStride;
    // Four rows at a time: each sum is read and written once for four products.
    for (; j + 4 <= depth; j += 4, f += 4 * step) {
      const [w0, w1, w2, w3] = [w[f]!, w[f + step]!, w[f + 2 * step]!, w[f + 3 * step]!];
      const from0 = source.at + j * source.stride;
      const from1 = from0 + source.stride;
      const from2 = from1 + source.stride;
      const from3 = from2 + source.stride;
      for (let p = 0; p < width; p++) {
        y[to + p]! += w0 * x[from0 + p]! + w1 * x[from1 + p]! + w2 * x[from2 + p]! + w3 * x[from3 + p]!;
      }
    }
    for (; j < depth; j++, f += step) {
      const w0 = w[f]!;
      const from = source.at + j * source.stride;
      for (let p = 0; p < width; p++) y[to + p]! += w0 * x[from + p]!;
    }
  }
}

/** Where the tile's part of the weights and of the output lies. */
interface Place {
  /** Offset of the first filter's weights for the tile's rows. */
  readonly weights: number;
  /** Weights of a filter. */
  readonly rowLength: number;
  readonly filters: number;
  /** Offset of the first filter's output for the tile's columns. */
  readonly output: number;
  /** Output pixels of a filter. */
  readonly pixels: number;
}

/** Patches of the image: a row per channel and kernel position, a column per output pixel. */
interface Patches extends Rows {
  readonly rows: number;
  readonly columns: number;
  gather(image: Float64Array): void;
  /** Adds every number to the pixel that it was gathered from. */
  scatter(image: Float64Array): void;
}

function forEachTile(
  image: Shape,
  weights: Shape,
  output: Shape,
  geometry: ConvolutionGeometry,
  visit: (patches: Patches, place: Place) => void,
): void {
  const { groups } = geometry;
  const [n, c] = image as [number, number];
  const [k, channels] = weights as [number, number];
  const filters = k / groups;
  const taps = sizeOf(weights.slice(2));
  const rowLength = channels * taps;
  const pixels = sizeOf(output.slice(2));
  const plane = sizeOf(image.slice(2));
  const locate = pixelLocator(image, weights, output, geometry);
  const width = Math.min(tile.columns, pixels);
  const values = new Float64Array(Math.min(tile.rows, rowLength) * width);
  const found = new Int32Array(width);
  for (let part = 0; part < n * groups; part++) {
    const [batch, group] = [Math.floor(part / groups), part % groups];
    const firstPlane = (batch * c + group * channels) * plane;
    for (let column = 0; column < pixels; column += width) {
      const columns = Math.min(width, pixels - column);
      for (let row = 0; row < rowLength; row += tile.rows) {
        const rows = Math.min(tile.rows, rowLength - row);
        const forEachRow = (move: (image: number, patch: number) => void) => {
          for (let r = 0; r < rows; r++) {
            locate((row + r) % taps, column, columns, found);
            move(firstPlane + Math.floor((row + r) / taps) * plane, r * width);
          }
        };
        const patches: Patches = {
          values,
          at: 0,
          stride: width,
          rows,
          columns,
          gather: (source) =>
            forEachRow((from, to) => {
              for (let i = 0; i < columns; i++)
                values[to + i] = found[i]! < 0 ? 0 : source[from + found[i]!]!;
            }),
          scatter: (target) =>
            forEachRow((to, from) => {
              for (let i = 0; i < columns; i++) {
                if (found[i]! >= 0) target[to + found[i]!]! += values[from + i]!;
              }
            }),
        };
        const weightsAt = group * filters * rowLength + row;
        const outputAt = (batch * k + group * filters) * pixels + column;
        visit(patches, { weights: weightsAt, rowLength, filters, output: outputAt, pixels });
      }
    }
  }
}

/**
 * A function that writes, for one kernel position and a range of output pixels, the offset in its plane of the image's
 * pixel that they meet; -1 in the padding.
 */
function pixelLocator(
  image: Shape,
  weights: Shape,
  output: Shape,
  { stride, pads, dilation }: ConvolutionGeometry,
): (tap: number, first: number, count: number, found: Int32Array) => void {
  const lead = new Array<number>(5 - image.length).fill(1);
  const three = (values: readonly number[], fill = 1) =>
    [...lead.map(() => fill), ...values] as [number, number, number];
  const [depth, height, width] = three(image.slice(2));
  const [, kv, kw] = three(weights.slice(2));
  const [od, oh, ow] = three(output.slice(2));
  const [sd, sh, sw] = three(stride);
  const [dd, dh, dw] = three(dilation);
  const [pd, ph, pw] = three(pads.slice(0, image.length - 2), 0);
  const count = od * oh * ow;
  // Where the first kernel position lies.
  const zs = Int32Array.from({ length: count }, (_, p) => Math.floor(p / (oh * ow)) * sd - pd);
  const ys = Int32Array.from({ length: count }, (_, p) => (Math.floor(p / ow) % oh) * sh - ph);
  const xs = Int32Array.from({ length: count }, (_, p) => (p % ow) * sw - pw);
  return (tap, first, columns, found) => {
    const a = Math.floor(tap / (kv * kw)) * dd;
    const b = (Math.floor(tap / kw) % kv) * dh;
    const e = (tap % kw) * dw;
    for (let i = 0; i < columns; i++) {
      const z = zs[first + i]! + a;
      const y = ys[first + i]! + b;
      const x = xs[first + i]! + e;
      const isInside = z >= 0 && z < depth && y >= 0 && y < height && x >= 0 && x < width;
      found[i] = isInside ? (z * height + y) * width + x : -1;
    }
  };
}
