import type { Geometry, Mat3, Vec3 } from '../geometry/geometry.ts';

/** A grid axis. */
export type Axis = 0 | 1 | 2;

/** Continuous index of one grid to continuous index of another: `to = matrix * from + offset`, row-major. */
export interface IndexMap {
  readonly matrix: Mat3;
  readonly offset: Vec3;
}

/**
 * Where the voxels of `from` lie on the grid of `to`, in voxels.
 * Uses the true inverse of the axes, so that a direction that is orthonormal only within the tolerance of
 * `assertGeometry` still maps a grid onto itself exactly.
 */
export function indexMapBetween(from: Geometry, to: Geometry): IndexMap {
  const inverse = invert(scaledAxes(to));
  const matrix = multiply(inverse, scaledAxes(from));
  const shift: Vec3 = [
    from.origin[0] - to.origin[0],
    from.origin[1] - to.origin[1],
    from.origin[2] - to.origin[2],
  ];
  return { matrix, offset: transform(inverse, shift) };
}

/** Source axis, step and start (both in source voxels) of one target axis of two aligned grids. */
export interface AlignedAxis {
  readonly axis: Axis;
  readonly scale: number;
  readonly offset: number;
}

/** Largest distance in voxels, anywhere on the grid, that counts as none at all. */
export const alignmentTolerance = 1e-5;

/**
 * The map as three independent lines, one a target axis, when every axis of the one grid runs along an axis
 * of the other (permutations and flips included) within `alignmentTolerance` voxels over the whole grid;
 * undefined when the grids are oblique to each other.
 */
export function alignedAxes(
  map: IndexMap,
  fromSize: Vec3,
): readonly [AlignedAxis, AlignedAxis, AlignedAxis] | undefined {
  const axes: AlignedAxis[] = [];
  for (let t = 0; t < 3; t++) {
    let best: Axis = 0;
    for (const s of [1, 2] as const) {
      if (Math.abs(map.matrix[3 * s + t]!) > Math.abs(map.matrix[3 * best + t]!)) best = s;
    }
    for (const s of [0, 1, 2]) {
      const drift = Math.abs(map.matrix[3 * s + t]!) * (fromSize[t]! - 1);
      if (s !== best && drift > alignmentTolerance) return undefined;
    }
    if (axes.some((other) => other.axis === best)) return undefined;
    axes.push({ axis: best, scale: map.matrix[3 * best + t]!, offset: map.offset[best]! });
  }
  return axes as unknown as readonly [AlignedAxis, AlignedAxis, AlignedAxis];
}

/** Columns are the axes, in mm a voxel. */
function scaledAxes({ direction: d, spacing: s }: Geometry): Mat3 {
  return [
    d[0] * s[0],
    d[1] * s[1],
    d[2] * s[2],
    d[3] * s[0],
    d[4] * s[1],
    d[5] * s[2],
    d[6] * s[0],
    d[7] * s[1],
    d[8] * s[2],
  ];
}

function multiply(a: Mat3, b: Mat3): Mat3 {
  const at = (row: number, column: number) =>
    a[3 * row]! * b[column]! + a[3 * row + 1]! * b[3 + column]! + a[3 * row + 2]! * b[6 + column]!;
  return [at(0, 0), at(0, 1), at(0, 2), at(1, 0), at(1, 1), at(1, 2), at(2, 0), at(2, 1), at(2, 2)];
}

function transform(m: Mat3, v: Vec3): Vec3 {
  return [
    m[0] * v[0] + m[1] * v[1] + m[2] * v[2],
    m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
    m[6] * v[0] + m[7] * v[1] + m[8] * v[2],
  ];
}

function invert(m: Mat3): Mat3 {
  const a = m[4] * m[8] - m[5] * m[7];
  const b = m[5] * m[6] - m[3] * m[8];
  const c = m[3] * m[7] - m[4] * m[6];
  const f = 1 / (m[0] * a + m[1] * b + m[2] * c);
  return [
    f * a,
    f * (m[2] * m[7] - m[1] * m[8]),
    f * (m[1] * m[5] - m[2] * m[4]),
    f * b,
    f * (m[0] * m[8] - m[2] * m[6]),
    f * (m[2] * m[3] - m[0] * m[5]),
    f * c,
    f * (m[1] * m[6] - m[0] * m[7]),
    f * (m[0] * m[4] - m[1] * m[3]),
  ];
}
