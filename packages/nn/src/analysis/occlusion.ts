import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf, stridesOf } from '../graph/shape.ts';

export interface OcclusionOptions {
  /** Of which class. */
  readonly classIndex: number;
  /** Pixels that a cover hides, per axis. */
  readonly cover: readonly number[];
  /** Most pixels from one cover to the next, per axis; at most the cover, so that every pixel is hidden once. */
  readonly step: readonly number[];
  /** What covers: the same number in all channels. */
  readonly fill: number;
  /** Covered images that go through the network at once. Default 16. */
  readonly batchSize?: number;
  /** Called after each batch with the number of covers so far, and of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What happens to a probability when parts of the image are covered. */
export interface OcclusionMap {
  /** Probability of the class for the image as it is. */
  readonly probability: number;
  /** [...S]: by how much covering a pixel lowers the probability, the mean over the covers that hide it. */
  readonly drops: Float32Array;
  /** First pixels of the covers, and the probability under each. */
  readonly covers: readonly { readonly begin: readonly number[]; readonly probability: number }[];
}

/** Runs a classifier on images [N, C, ...S]: probabilities [N, classes]. */
export type RunImages = (
  images: Float32Array,
  dims: readonly number[],
) => Promise<{ readonly data: ArrayLike<number>; readonly dims: readonly number[] }>;

/**
 * Occlusion of one image [C, ...S] (Zeiler and Fergus, 2014, arXiv 1311.2901): a cover moves over the image, in equal
 * steps from border to border, and the classifier judges what is left. The image is not changed.
 * Throws a `NetworkError` ('value-invalid', 'shape-mismatch').
 */
export async function occlude(
  image: Float32Array,
  size: readonly number[],
  options: OcclusionOptions,
  run: RunImages,
): Promise<OcclusionMap> {
  const { classIndex, cover, step, fill, batchSize = 16, onProgress } = options;
  const area = sizeOf(size);
  const channels = image.length / area;
  if (!Number.isInteger(channels) || channels < 1) {
    throw new NetworkError(
      'shape-mismatch',
      `occlude: ${image.length} numbers are no channels of an image ${formatShape(size)}`,
    );
  }
  const isCount = (value: number | undefined, most: number) =>
    Number.isInteger(value) && value! > 0 && value! <= most;
  if (!size.every((length, axis) => isCount(cover[axis], length) && isCount(step[axis], cover[axis]!))) {
    throw new NetworkError(
      'value-invalid',
      `occlude: covers ${formatShape(cover)} in steps of ${formatShape(step)} on an image ${formatShape(size)}: expected whole numbers from 1 on, covers within the image and steps within the cover`,
    );
  }
  const places = size.map((length, axis) => placesOf(length, cover[axis]!, step[axis]!));
  const begins = places.reduce<number[][]>(
    (some, axis) => some.flatMap((begin) => axis.map((place) => [...begin, place])),
    [[]],
  );
  const pixels = begins.map((begin) => pixelsOf(begin, cover, size));

  const probabilities: number[] = [];
  // The image itself comes first.
  for (let first = -1; first < begins.length; first += batchSize) {
    const count = Math.min(batchSize, begins.length - first);
    const batch = new Float32Array(count * image.length);
    for (let n = 0; n < count; n++) {
      const one = batch.subarray(n * image.length, (n + 1) * image.length);
      one.set(image);
      if (first + n < 0) continue;
      for (const pixel of pixels[first + n]!) {
        for (let c = 0; c < channels; c++) one[c * area + pixel] = fill;
      }
    }
    const { data, dims } = await run(batch, [count, channels, ...size]);
    const classes = dims[1]!;
    if (!(classIndex >= 0 && classIndex < classes)) {
      throw new NetworkError('value-invalid', `occlude: class ${classIndex}, but there are ${classes}`);
    }
    for (let n = 0; n < count; n++) probabilities.push(data[n * classes + classIndex]!);
    onProgress?.(first + count, begins.length);
  }

  const [probability, ...covered] = probabilities as [number, ...number[]];
  const sums = new Float64Array(area);
  const counts = new Uint32Array(area);
  for (const [n, hidden] of pixels.entries()) {
    for (const pixel of hidden) {
      sums[pixel]! += probability - covered[n]!;
      counts[pixel]!++;
    }
  }
  return {
    probability,
    drops: Float32Array.from(sums, (sum, pixel) => sum / counts[pixel]!),
    covers: begins.map((begin, n) => ({ begin, probability: covered[n]! })),
  };
}

/** First pixels of covers from border to border, at most `step` apart. */
function placesOf(length: number, cover: number, step: number): number[] {
  const gaps = Math.ceil((length - cover) / step);
  if (gaps === 0) return [0];
  return Array.from({ length: gaps + 1 }, (_, n) => Math.round((n * (length - cover)) / gaps));
}

/** Indices of the pixels in a box. */
function pixelsOf(begin: readonly number[], box: readonly number[], size: readonly number[]): number[] {
  const strides = stridesOf(size);
  return begin.reduce<number[]>(
    (some, first, axis) =>
      some.flatMap((offset) =>
        Array.from({ length: box[axis]! }, (_, n) => offset + (first + n) * strides[axis]!),
      ),
    [0],
  );
}
