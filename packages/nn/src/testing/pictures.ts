import { readFileSync } from 'node:fs';

/** Numbers of a picture, [3, height, width] in the order red, green, blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly values: Float64Array;
}

/** Reads an uncompressed BMP of 24 bits per pixel: values 0 to 255. */
export function readBmp(path: string): Picture {
  const file = readFileSync(path);
  const [width, height] = [file.readInt32LE(18), file.readInt32LE(22)];
  if (file.toString('latin1', 0, 2) !== 'BM' || file.readUInt16LE(28) !== 24 || height < 1) {
    throw new Error(`${path}: not a BMP of 24 bits with rows from the bottom up`);
  }
  const start = file.readUInt32LE(10);
  const row = Math.ceil((3 * width) / 4) * 4;
  const values = new Float64Array(3 * width * height);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        // Blue comes first, and the lowest row.
        const from = start + (height - 1 - y) * row + 3 * x + 2 - channel;
        values[(channel * height + y) * width + x] = file[from]!;
      }
    }
  }
  return { width, height, values };
}

/** The middle of a picture. */
export function centreCrop(picture: Picture, width: number, height: number): Picture {
  const left = Math.floor((picture.width - width) / 2);
  const top = Math.floor((picture.height - height) / 2);
  const values = new Float64Array(3 * width * height);
  for (let row = 0; row < 3 * height; row++) {
    const plane = Math.floor(row / height) * picture.height;
    const from = (plane + top + (row % height)) * picture.width + left;
    values.set(picture.values.subarray(from, from + width), row * width);
  }
  return { width, height, values };
}

/** The largest square in the middle. */
export function centreSquare(picture: Picture): Picture {
  const side = Math.min(picture.width, picture.height);
  return centreCrop(picture, side, side);
}

/** Bilinear resizing; where it shrinks, the triangle is as much wider, so that no pixel is passed over. */
export function resizePicture(picture: Picture, width: number, height: number): Picture {
  const across = resizeLast(picture.values, picture.width, width);
  const turned = resizeLast(swapAxes(across, picture.height, width), picture.height, height);
  return { width, height, values: swapAxes(turned, width, height) };
}

/** Resizes rows of `from` numbers to rows of `to`. */
function resizeLast(values: Float64Array, from: number, to: number): Float64Array {
  const rows = values.length / from;
  const result = new Float64Array(rows * to);
  const scale = from / to;
  const reach = Math.max(scale, 1);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach));
    const end = Math.min(from, Math.ceil(centre + reach));
    const weights = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / reach),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (const [k, weight] of weights.entries()) sum += weight * values[row * from + first + k]!;
      result[row * to + i] = sum / total;
    }
  }
  return result;
}

/** [3, rows, columns] as [3, columns, rows]. */
function swapAxes(values: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const [plane, rest] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
    result[(plane * columns + (rest % columns)) * rows + Math.floor(rest / columns)] = values[i]!;
  }
  return result;
}

/** (value / divisor - mean) / deviation, per channel. */
export function normalise(
  { values }: Picture,
  divisor: number,
  mean: readonly number[],
  deviation: readonly number[],
): Float32Array {
  const plane = values.length / 3;
  return Float32Array.from(values, (value, i) => {
    const channel = Math.floor(i / plane);
    return (value / divisor - mean[channel]!) / deviation[channel]!;
  });
}

/** Mean and standard deviation of ImageNet's pictures, for values from 0 to 1. */
export const imageNet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;
