import { ImagingError } from '../errors/imaging-error.ts';

/** Three numbers in the order x, y, z. */
export type Vec3 = readonly [number, number, number];

/** A 3 x 3 matrix, row-major. */
export type Mat3 = readonly [number, number, number, number, number, number, number, number, number];

/**
 * Where a voxel grid lies in the patient.
 *
 * Coordinates are LPS millimetres: x grows to the patient's left, y to posterior, z to superior.
 * Voxels are stored x fastest: index of (i, j, k) is `i + size[0] * (j + size[1] * k)`.
 * `origin` is the centre of voxel (0, 0, 0). Column j of `direction` is the unit vector of axis j.
 * Left-handed grids (determinant -1) are kept as they are.
 */
export interface Geometry {
  readonly size: Vec3;
  /** mm between voxel centres along each axis; positive. */
  readonly spacing: Vec3;
  readonly origin: Vec3;
  readonly direction: Mat3;
}

export const identityDirection: Mat3 = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** Number of voxels of the grid. */
export function voxelCount(geometry: Geometry): number {
  return geometry.size[0] * geometry.size[1] * geometry.size[2];
}

/** Volume of one voxel in cubic millimetres. */
export function voxelVolumeMm3(geometry: Geometry): number {
  return geometry.spacing[0] * geometry.spacing[1] * geometry.spacing[2];
}

/** Unit vector of grid axis 0, 1 or 2 in LPS. */
export function axisVector(geometry: Geometry, axis: 0 | 1 | 2): Vec3 {
  const d = geometry.direction;
  return [d[axis], d[3 + axis], d[6 + axis]] as unknown as Vec3;
}

/** Continuous voxel index (i, j, k) to LPS mm. */
export function indexToWorld(geometry: Geometry, index: Vec3): Vec3 {
  const { spacing: s, origin: o, direction: d } = geometry;
  const a = index[0] * s[0];
  const b = index[1] * s[1];
  const c = index[2] * s[2];
  return [
    o[0] + d[0] * a + d[1] * b + d[2] * c,
    o[1] + d[3] * a + d[4] * b + d[5] * c,
    o[2] + d[6] * a + d[7] * b + d[8] * c,
  ];
}

/**
 * LPS mm to continuous voxel index. Uses the true inverse of the direction: with its transpose, the rounding that
 * `directionTolerance` permits would move far voxels by up to half a voxel.
 */
export function worldToIndex(geometry: Geometry, point: Vec3): Vec3 {
  const { spacing: s, origin: o, direction: d } = geometry;
  const x = point[0] - o[0];
  const y = point[1] - o[1];
  const z = point[2] - o[2];
  const scale = 1 / determinant(d);
  return [
    (((d[4] * d[8] - d[5] * d[7]) * x + (d[2] * d[7] - d[1] * d[8]) * y + (d[1] * d[5] - d[2] * d[4]) * z) *
      scale) /
      s[0],
    (((d[5] * d[6] - d[3] * d[8]) * x + (d[0] * d[8] - d[2] * d[6]) * y + (d[2] * d[3] - d[0] * d[5]) * z) *
      scale) /
      s[1],
    (((d[3] * d[7] - d[4] * d[6]) * x + (d[1] * d[6] - d[0] * d[7]) * y + (d[0] * d[4] - d[1] * d[3]) * z) *
      scale) /
      s[2],
  ];
}

/** Determinant of a row-major 3 x 3 matrix: +1 right-handed, -1 left-handed for a direction. */
export function determinant(m: Mat3): number {
  return (
    m[0] * (m[4] * m[8] - m[5] * m[7]) -
    m[1] * (m[3] * m[8] - m[5] * m[6]) +
    m[2] * (m[3] * m[7] - m[4] * m[6])
  );
}

/** Largest deviation of columns from unit length and right angles that a direction may have. */
export const directionTolerance = 1e-3;

/**
 * Checks that a geometry can be used at all.
 * @throws ImagingError `geometry-invalid` when sizes are not positive integers, spacings not positive,
 * numbers not finite or axes not orthonormal within `directionTolerance`.
 */
export function assertGeometry(geometry: Geometry, where?: string): void {
  const fail = (found: string, expected: string): never => {
    throw new ImagingError('geometry-invalid', 'The grid of this image cannot be used.', {
      where,
      found,
      expected,
    });
  };
  const { size, spacing, origin, direction } = geometry;
  if (!size.every((n) => Number.isInteger(n) && n > 0))
    fail(`size ${size.join(' x ')}`, 'three positive integers');
  if (!spacing.every((n) => Number.isFinite(n) && n > 0)) {
    fail(`spacing ${spacing.join(' x ')} mm`, 'three positive lengths in mm');
  }
  if (!origin.every(Number.isFinite)) fail(`origin ${origin.join(', ')}`, 'three finite numbers');
  for (let a = 0; a < 3; a++) {
    for (let b = a; b < 3; b++) {
      const dot =
        direction[a]! * direction[b]! +
        direction[3 + a]! * direction[3 + b]! +
        direction[6 + a]! * direction[6 + b]!;
      if (!(Math.abs(dot - (a === b ? 1 : 0)) <= directionTolerance)) {
        fail(`direction ${direction.join(', ')}`, 'three unit vectors at right angles');
      }
    }
  }
}

/** One line for messages: size, spacing, origin, direction. */
export function describeGeometry(geometry: Geometry): string {
  const n = (values: readonly number[], digits: number) =>
    values.map((v) => Number(v.toFixed(digits))).join(', ');
  return (
    `size ${geometry.size.join(' x ')}, spacing ${n(geometry.spacing, 4)} mm, ` +
    `origin ${n(geometry.origin, 2)} mm, direction ${n(geometry.direction, 4)}`
  );
}

/**
 * Whether two grids are the same: equal sizes, and every corner voxel within `toleranceMm`
 * (default: a tenth of the smallest spacing) of its counterpart. Corners catch spacing,
 * origin and direction at once, in the unit that matters.
 */
export function geometriesAgree(
  a: Geometry,
  b: Geometry,
  toleranceMm = Math.min(...a.spacing, ...b.spacing) * 0.1,
): boolean {
  if (a.size.some((n, axis) => n !== b.size[axis])) return false;
  for (let corner = 0; corner < 8; corner++) {
    const index: Vec3 = [
      corner & 1 ? a.size[0] - 1 : 0,
      corner & 2 ? a.size[1] - 1 : 0,
      corner & 4 ? a.size[2] - 1 : 0,
    ];
    const p = indexToWorld(a, index);
    const q = indexToWorld(b, index);
    if (!(Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) <= toleranceMm)) return false;
  }
  return true;
}

/**
 * @throws ImagingError `geometry-mismatch` naming both grids unless `geometriesAgree(a, b, toleranceMm)`.
 */
export function assertGeometriesAgree(
  a: Geometry,
  b: Geometry,
  names: readonly [string, string],
  toleranceMm?: number,
): void {
  if (geometriesAgree(a, b, toleranceMm)) return;
  throw new ImagingError('geometry-mismatch', `${names[0]} and ${names[1]} do not lie on the same grid.`, {
    found: `${names[0]}: ${describeGeometry(a)}; ${names[1]}: ${describeGeometry(b)}`,
    expected: 'equal sizes and corner voxels within a tenth of the smallest spacing',
    advice: 'Resample one onto the other, or check that they belong together.',
  });
}
