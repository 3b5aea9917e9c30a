import { type Geometry, voxelCount } from '../geometry/geometry.ts';
import { assertMaskFits } from './voxel-array.ts';

/**
 * Exact Euclidean distance in mm from the centre of each voxel to the centre of the nearest non-zero voxel of
 * `mask`: 0 inside the mask, infinity everywhere when it is empty. Spacing is honoured; direction and origin
 * do not matter.
 *
 * Three passes of lower envelopes of parabolas (Felzenszwalb and Huttenlocher, Distance transforms of sampled
 * functions, 2012), linear in the number of voxels; sums are kept in double precision within a line and in single
 * precision between passes. Allocates 4 bytes a voxel.
 * @throws ImagingError `value-invalid` when mask and grid do not fit
 */
export function distanceTransform(mask: Uint8Array, geometry: Geometry): Float32Array {
  const field = squaredDistances(mask, geometry, true);
  for (let i = 0; i < field.length; i++) field[i] = Math.sqrt(field[i]!);
  return field;
}

/**
 * Signed distance in mm: positive outside the mask (distance to the nearest voxel centre inside), negative inside
 * (minus the distance to the nearest voxel centre outside), so that no voxel is 0. Infinity where there is no such voxel.
 * Allocates 8 bytes a voxel, of which 4 are returned.
 * @throws ImagingError `value-invalid` when mask and grid do not fit
 */
export function signedDistance(mask: Uint8Array, geometry: Geometry): Float32Array {
  const field = squaredDistances(mask, geometry, true);
  const inner = squaredDistances(mask, geometry, false);
  for (let i = 0; i < field.length; i++) {
    field[i] = mask[i] === 0 ? Math.sqrt(field[i]!) : -Math.sqrt(inner[i]!);
  }
  return field;
}

/** Squared mm to the nearest voxel that is in the mask (`toMask`) or not in it. */
export function squaredDistances(mask: Uint8Array, geometry: Geometry, toMask: boolean): Float32Array {
  assertMaskFits(mask, geometry.size);
  const [width, height, depth] = geometry.size;
  const field = new Float32Array(voxelCount(geometry));
  distancesAlongX(mask, width, geometry.spacing[0], toMask, field);
  const plane = width * height;
  if (height > 1) {
    const envelope = lowerEnvelope(height, geometry.spacing[1]);
    for (let z = 0; z < depth; z++) passAcross(field, z * plane, width, width, height, envelope);
  }
  if (depth > 1) {
    const envelope = lowerEnvelope(depth, geometry.spacing[2]);
    passAcross(field, 0, plane, plane, depth, envelope);
  }
  return field;
}

/** Squared distance to the nearest wanted voxel of the same row. */
function distancesAlongX(
  mask: Uint8Array,
  width: number,
  spacing: number,
  toMask: boolean,
  field: Float32Array,
): void {
  for (let row = 0; row < field.length; row += width) {
    let away = Number.POSITIVE_INFINITY;
    for (let x = 0; x < width; x++) {
      away = (mask[row + x] !== 0) === toMask ? 0 : away + spacing;
      field[row + x] = away;
    }
    away = Number.POSITIVE_INFINITY;
    for (let x = width - 1; x >= 0; x--) {
      away = (mask[row + x] !== 0) === toMask ? 0 : away + spacing;
      const nearest = Math.min(away, field[row + x]!);
      field[row + x] = nearest * nearest;
    }
  }
}

/** Lines side by side that are worked on together, so that strided reads use whole cache lines. */
const linesAtOnce = 16;

/** Transforms `lines` lines of `length` values `stride` apart that start at `start`, `start + 1`, … */
function passAcross(
  field: Float32Array,
  start: number,
  lines: number,
  stride: number,
  length: number,
  envelope: (line: Float64Array) => void,
): void {
  const block = Array.from({ length: linesAtOnce }, () => new Float64Array(length));
  for (let first = 0; first < lines; first += linesAtOnce) {
    const count = Math.min(linesAtOnce, lines - first);
    for (let i = 0; i < length; i++) {
      const at = start + first + i * stride;
      for (let b = 0; b < count; b++) block[b]![i] = field[at + b]!;
    }
    for (let b = 0; b < count; b++) envelope(block[b]!);
    for (let i = 0; i < length; i++) {
      const at = start + first + i * stride;
      for (let b = 0; b < count; b++) field[at + b] = block[b]![i]!;
    }
  }
}

/**
 * Replaces a line f by the minimum over q of f(q) + (spacing * (i - q))^2. Parabolas of infinite height are left out.
 */
function lowerEnvelope(length: number, spacing: number): (line: Float64Array) => void {
  const center = new Int32Array(length);
  const height = new Float64Array(length);
  /** Parabola v is lowest from `from[v]` on, in voxels. */
  const from = new Float64Array(length);
  const squared = spacing * spacing;
  return (line) => {
    let first = 0;
    while (first < length && line[first] === 0) first++;
    if (first === length) return;
    let last = -1;
    for (let q = 0; q < length; q++) {
      const f = line[q]!;
      if (f === Number.POSITIVE_INFINITY) continue;
      let crossing = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const p = center[last]!;
        crossing = (f - height[last]! + squared * (q * q - p * p)) / (2 * squared * (q - p));
        if (crossing > from[last]!) break;
        last--;
      }
      if (last < 0) crossing = Number.NEGATIVE_INFINITY;
      last++;
      center[last] = q;
      height[last] = f;
      from[last] = crossing;
    }
    if (last < 0) return;
    let v = 0;
    for (let i = 0; i < length; i++) {
      while (v < last && from[v + 1]! < i) v++;
      const away = i - center[v]!;
      line[i] = height[v]! + squared * away * away;
    }
  };
}
