import { type Geometry, indexToWorld, type Mat3, type Vec3 } from '../geometry/geometry.ts';
import type { Labelmap } from '../volume/labelmap.ts';
import type { Volume } from '../volume/volume.ts';
import type { Axis } from './index-map.ts';
import { emptyLike, type VoxelArray } from './voxel-array.ts';

/** A lossless reordering of axes: target axis t comes from source axis `perm[t]`, reversed if `flip[t]`. */
export interface AxisMap {
  readonly perm: readonly [Axis, Axis, Axis];
  readonly flip: readonly [boolean, boolean, boolean];
}

export const identityAxisMap: AxisMap = { perm: [0, 1, 2], flip: [false, false, false] };

const permutations: readonly AxisMap['perm'][] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/**
 * The map after which axis 0 points nearest to the patient's left, 1 to posterior, 2 to superior.
 * Of the six assignments of axes the one with the largest sum of |cosines| is taken (the earliest of equals,
 * the identity first), so an oblique grid never has two axes on one.
 */
export function axisMapToLps(geometry: Geometry): AxisMap {
  const cosine = (row: number, axis: Axis) => geometry.direction[3 * row + axis]!;
  let best: AxisMap['perm'] = permutations[0]!;
  let bestSum = Number.NEGATIVE_INFINITY;
  for (const perm of permutations) {
    const sum = perm.reduce<number>((total, axis, row) => total + Math.abs(cosine(row, axis)), 0);
    if (sum > bestSum + 1e-9) {
      best = perm;
      bestSum = sum;
    }
  }
  return { perm: best, flip: [cosine(0, best[0]) < 0, cosine(1, best[1]) < 0, cosine(2, best[2]) < 0] };
}

/** The map that undoes `map`. */
export function invertAxisMap(map: AxisMap): AxisMap {
  const from = (axis: Axis) => map.perm.indexOf(axis) as Axis;
  const perm = [from(0), from(1), from(2)] as const;
  return { perm, flip: [map.flip[perm[0]], map.flip[perm[1]], map.flip[perm[2]]] };
}

export function isIdentityAxisMap(map: AxisMap): boolean {
  return map.perm.every((axis, t) => axis === t) && !map.flip.some(Boolean);
}

/** The reordered grid: every voxel keeps its place in the patient. */
export function reorientGeometry(geometry: Geometry, map: AxisMap): Geometry {
  const { size, spacing, direction: d } = geometry;
  const [p, q, r] = map.perm;
  const corner: [number, number, number] = [0, 0, 0];
  for (let t = 0; t < 3; t++) if (map.flip[t]) corner[map.perm[t]!] = size[map.perm[t]!]! - 1;
  const sign = map.flip.map((flipped) => (flipped ? -1 : 1));
  const row = (i: number) => map.perm.map((axis, t) => d[3 * i + axis]! * sign[t]!);
  return {
    size: [size[p], size[q], size[r]],
    spacing: [spacing[p], spacing[q], spacing[r]],
    origin: map.flip.some(Boolean) ? indexToWorld(geometry, corner) : geometry.origin,
    direction: [...row(0), ...row(1), ...row(2)] as unknown as Mat3,
  };
}

/** Reorders the axes of a volume. Returns the volume itself when the map is the identity, else copies. */
export function reorientVolume(volume: Volume, map: AxisMap): Volume {
  if (isIdentityAxisMap(map)) return volume;
  return {
    geometry: reorientGeometry(volume.geometry, map),
    voxels: reorientVoxels(volume.voxels, volume.geometry.size, map),
  };
}

/** Reorders the axes of a labelmap. Returns the labelmap itself when the map is the identity, else copies. */
export function reorientLabelmap(labelmap: Labelmap, map: AxisMap): Labelmap {
  if (isIdentityAxisMap(map)) return labelmap;
  return {
    geometry: reorientGeometry(labelmap.geometry, map),
    voxels: reorientVoxels(labelmap.voxels, labelmap.geometry.size, map),
    labels: labelmap.labels,
  };
}

/** Reorders voxels (x fastest) of a grid of `size` into a new array of the same type. */
export function reorientVoxels<T extends VoxelArray>(voxels: T, size: Vec3, map: AxisMap): T {
  const strides = [1, size[0], size[0] * size[1]];
  const step = map.perm.map((axis, t) => (map.flip[t] ? -strides[axis]! : strides[axis]!));
  const count = map.perm.map((axis) => size[axis]!);
  let start = 0;
  for (let t = 0; t < 3; t++) if (map.flip[t]) start -= step[t]! * (count[t]! - 1);
  const output = emptyLike(voxels, voxels.length);
  gather(voxels, start, step as unknown as Vec3, count as unknown as Vec3, output);
  return output;
}

/** Lines of a cache line's worth of voxels are gathered together when the source's x axis is not the first. */
const tile = 32;

function gather<T extends VoxelArray>(input: T, start: number, step: Vec3, count: Vec3, output: T): void {
  const [stepX, stepY, stepZ] = step;
  const [width, height, depth] = count;
  const plane = width * height;
  if (Math.abs(stepX) === 1) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        const from = start + y * stepY + z * stepZ;
        const to = y * width + z * plane;
        if (stepX === 1) output.set(input.subarray(from, from + width), to);
        else for (let x = 0; x < width; x++) output[to + x] = input[from - x]!;
      }
    }
    return;
  }
  // Source x runs along output y or z: walk it in tiles, so that both sides stay in the cache.
  const alongY = Math.abs(stepY) === 1;
  const [outerCount, outerStep, outerTo] = alongY ? [depth, stepZ, plane] : [height, stepY, width];
  const [innerCount, innerStep, innerTo] = alongY ? [height, stepY, width] : [depth, stepZ, plane];
  for (let outer = 0; outer < outerCount; outer++) {
    for (let inner0 = 0; inner0 < innerCount; inner0 += tile) {
      const inner1 = Math.min(inner0 + tile, innerCount);
      for (let x0 = 0; x0 < width; x0 += tile) {
        const x1 = Math.min(x0 + tile, width);
        for (let inner = inner0; inner < inner1; inner++) {
          const to = outer * outerTo + inner * innerTo;
          let from = start + outer * outerStep + inner * innerStep + x0 * stepX;
          for (let x = x0; x < x1; x++) {
            output[to + x] = input[from]!;
            from += stepX;
          }
        }
      }
    }
  }
}
