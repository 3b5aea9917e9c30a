import type { Vec3 } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { type AxisRows, isIdentity } from './axis-rows.ts';

/**
 * Filters a voxel grid along its three axes, one slice in and one slice out at a time: only the in-plane
 * filtered slices that the current output slice needs are held.
 *
 * @param size of the input
 * @param rows the filter of each input axis; undefined leaves the axis alone
 * @param readSlice writes input slice k into the given buffer (x fastest)
 * @param writeSlice gets output slice k; the buffer is reused afterwards
 * @param outside value of outputs without taps on some axis
 */
export function filterSeparably(
  size: Vec3,
  rows: readonly [AxisRows | undefined, AxisRows | undefined, AxisRows | undefined],
  readSlice: (k: number, into: Float32Array) => void,
  writeSlice: (k: number, slice: Float32Array) => void,
  outside: number,
  control: TaskControl = {},
): void {
  const [rowsX, rowsY, rowsZ] = rows.map((r) => (r === undefined || isIdentity(r) ? undefined : r));
  const width = rowsX?.length ?? size[0];
  const height = rowsY?.length ?? size[1];
  const depth = rowsZ?.length ?? size[2];
  const raw = new Float32Array(size[0] * size[1]);
  const between = new Float32Array(width * size[1]);
  const filterSlice = (k: number, into: Float32Array) => {
    if (rowsX === undefined && rowsY === undefined) {
      readSlice(k, into);
      return;
    }
    readSlice(k, raw);
    if (rowsY === undefined) {
      filterAlongX(raw, size[1], rowsX!, into);
    } else if (rowsX === undefined) {
      filterAlongY(raw, width, rowsY, into);
    } else {
      filterAlongX(raw, size[1], rowsX, between);
      filterAlongY(between, width, rowsY, into);
    }
  };

  const held = new Map<number, Float32Array>();
  const spare: Float32Array[] = [];
  const result = new Float32Array(width * height);
  for (let k = 0; k < depth; k++) {
    control.signal?.throwIfAborted();
    const from = rowsZ?.offset[k] ?? 0;
    const taps = rowsZ === undefined ? 1 : rowsZ.offset[k + 1]! - from;
    const first = rowsZ?.first[k] ?? k;
    for (const [z, slice] of held) {
      if (z >= first && z < first + taps) continue;
      held.delete(z);
      spare.push(slice);
    }
    const inputs: Float32Array[] = [];
    for (let z = first; z < first + taps; z++) {
      let slice = held.get(z);
      if (slice === undefined) {
        slice = spare.pop() ?? new Float32Array(width * height);
        filterSlice(z, slice);
        held.set(z, slice);
      }
      inputs.push(slice);
    }
    if (taps === 0) {
      result.fill(outside);
    } else if (rowsZ === undefined) {
      result.set(inputs[0]!);
    } else {
      mixSlices(inputs, rowsZ.weights.subarray(from, from + taps), result);
    }
    fillFrame(result, width, height, rowsX?.inside ?? [0, width], rowsY?.inside ?? [0, height], outside);
    writeSlice(k, result);
    control.onProgress?.({ stage: 'resample', done: k + 1, total: depth, unit: 'slices' });
  }
}

function filterAlongX(input: Float32Array, height: number, rows: AxisRows, output: Float32Array): void {
  const { inputLength, length, first, offset, weights } = rows;
  for (let y = 0; y < height; y++) {
    const base = y * inputLength;
    for (let i = 0; i < length; i++) {
      const from = offset[i]!;
      const to = offset[i + 1]!;
      let at = base + first[i]!;
      let sum = 0;
      for (let t = from; t < to; t++) sum += weights[t]! * input[at++]!;
      output[y * length + i] = sum;
    }
  }
}

function filterAlongY(input: Float32Array, width: number, rows: AxisRows, output: Float32Array): void {
  const { length, first, offset, weights } = rows;
  for (let j = 0; j < length; j++) {
    const from = offset[j]!;
    const to = offset[j + 1]!;
    const base = first[j]! * width;
    for (let x = 0; x < width; x++) {
      let at = base + x;
      let sum = 0;
      for (let t = from; t < to; t++) {
        sum += weights[t]! * input[at]!;
        at += width;
      }
      output[j * width + x] = sum;
    }
  }
}

function mixSlices(slices: readonly Float32Array[], weights: Float64Array, output: Float32Array): void {
  // Bands keep the sums in double precision without a double-precision slice.
  const band = new Float64Array(Math.min(4096, output.length));
  for (let start = 0; start < output.length; start += band.length) {
    const count = Math.min(band.length, output.length - start);
    band.fill(0);
    for (let t = 0; t < slices.length; t++) {
      const slice = slices[t]!;
      const weight = weights[t]!;
      for (let i = 0; i < count; i++) band[i]! += weight * slice[start + i]!;
    }
    for (let i = 0; i < count; i++) output[start + i] = band[i]!;
  }
}

function fillFrame(
  slice: Float32Array,
  width: number,
  height: number,
  insideX: readonly [number, number],
  insideY: readonly [number, number],
  outside: number,
): void {
  slice.fill(outside, 0, insideY[0] * width);
  slice.fill(outside, insideY[1] * width, height * width);
  if (insideX[0] === 0 && insideX[1] === width) return;
  for (let y = insideY[0]; y < insideY[1]; y++) {
    slice.fill(outside, y * width, y * width + insideX[0]);
    slice.fill(outside, y * width + insideX[1], (y + 1) * width);
  }
}
