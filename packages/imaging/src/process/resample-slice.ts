import { ImagingError } from '../errors/imaging-error.ts';
import { type Geometry, geometriesAgree } from '../geometry/geometry.ts';
import { alignedAxes, indexMapBetween } from './index-map.ts';

/** From a pixel of one slice grid to the other, both aligned: `source = scale * target + offset`, for [x, y]. */
export interface SliceMap {
  readonly scale: readonly [number, number];
  readonly offset: readonly [number, number];
}

/**
 * The map from pixels of `target`'s slices to pixels of `source`'s, for two grids that share axes and slices
 * and differ in the plane only.
 * @throws ImagingError `geometry-mismatch` when slices or directions differ
 */
export function sliceMapBetween(target: Geometry, source: Geometry): SliceMap {
  const axes = alignedAxes(indexMapBetween(target, source), target.size);
  const inPlane = axes?.[0].axis === 0 && axes[1].axis === 1;
  const sameSlices =
    axes !== undefined &&
    target.size[2] === source.size[2] &&
    Math.abs(axes[2].offset) < 1e-3 &&
    Math.abs(axes[2].scale - 1) * target.size[2] < 1e-3;
  if (!inPlane || !sameSlices) {
    throw new ImagingError('geometry-mismatch', 'The two grids do not have the same slices.', {
      found: geometriesAgree(target, source)
        ? 'no common axes'
        : 'other directions, slice positions or slice counts',
      expected: 'grids that differ in the plane only',
    });
  }
  return { scale: [axes[0].scale, axes[1].scale], offset: [axes[0].offset, axes[1].offset] };
}

/**
 * Bilinear resampling of one slice of numbers (x fastest) onto another pixel grid. Beyond the outermost pixel
 * centres the value at the border is used; there is no anti-aliasing, as for bringing coarse probabilities onto a
 * finer grid.
 *
 * @param input source pixels; `inputSize` [width, height]
 * @param output filled and returned; made new when left out
 */
export function resampleSlice(
  input: Float32Array,
  inputSize: readonly [number, number],
  outputSize: readonly [number, number],
  { scale, offset }: SliceMap,
  output: Float32Array = new Float32Array(outputSize[0] * outputSize[1]),
): Float32Array {
  const [inputWidth, inputHeight] = inputSize;
  const [width, height] = outputSize;
  assertPixels('input', input, inputWidth * inputHeight);
  assertPixels('output', output, width * height);
  const left = new Int32Array(width);
  const right = new Int32Array(width);
  const share = new Float64Array(width);
  for (let x = 0; x < width; x++) {
    const c = Math.min(Math.max(scale[0] * x + offset[0], 0), inputWidth - 1);
    left[x] = Math.floor(c);
    right[x] = Math.min(left[x]! + 1, inputWidth - 1);
    share[x] = c - left[x]!;
  }
  for (let y = 0; y < height; y++) {
    const c = Math.min(Math.max(scale[1] * y + offset[1], 0), inputHeight - 1);
    const top = Math.floor(c);
    const down = c - top;
    const above = top * inputWidth;
    const below = Math.min(top + 1, inputHeight - 1) * inputWidth;
    for (let x = 0; x < width; x++) {
      const l = left[x]!;
      const r = right[x]!;
      const f = share[x]!;
      const a = input[above + l]! * (1 - f) + input[above + r]! * f;
      const b = input[below + l]! * (1 - f) + input[below + r]! * f;
      output[y * width + x] = a * (1 - down) + b * down;
    }
  }
  return output;
}

function assertPixels(name: string, pixels: Float32Array, expected: number): void {
  if (pixels.length === expected) return;
  throw new ImagingError('value-invalid', 'The pixels of a slice do not fit its size.', {
    where: name,
    found: `${pixels.length} pixels`,
    expected: `${expected}`,
  });
}
