import { ImagingError } from '../errors/imaging-error.ts';
import { assertGeometry, type Geometry, indexToWorld, type Mat3, type Vec3 } from '../geometry/geometry.ts';
import type { Finding } from '../volume/scan.ts';

/** Cosine (or length error) up to which axes are taken as meant to be at right angles. */
export const shearTolerance = 1e-3;

/** Below this, a direction is used as it is: noise of float32 headers and of six-digit text. */
const noise = 2e-6;

/**
 * Builds a geometry from the steps between neighbouring voxels.
 *
 * Axes that are not at right angles by up to `shearTolerance` (0.06 degrees) are replaced by the nearest
 * orthonormal ones (polar decomposition); when that moves a corner by more than a tenth of the smallest
 * spacing, a finding says so. More shear is refused: no grid of this project could hold it.
 * @param steps LPS mm from voxel to voxel along x, y and z of the grid
 * @throws ImagingError `geometry-invalid`
 */
export function gridFromSteps(
  size: Vec3,
  steps: readonly [Vec3, Vec3, Vec3],
  origin: Vec3,
  path: string,
): { geometry: Geometry; findings: Finding[] } {
  const spacing = steps.map((step) => Math.hypot(...step)) as unknown as Vec3;
  if (!spacing.every((length) => Number.isFinite(length) && length > 0)) {
    throw new ImagingError('geometry-invalid', 'The voxel grid has an axis without length.', {
      where: path,
      found: `spacing ${spacing.join(' x ')} mm`,
      expected: 'three positive lengths in mm',
    });
  }
  const column = (axis: number, row: number) => steps[axis]![row]! / spacing[axis]!;
  // -0 is made 0, so that written headers and printed directions are clean.
  const raw = [0, 1, 2].flatMap((row) => [0, 1, 2].map((axis) => column(axis, row) + 0)) as unknown as Mat3;
  const shear = deviation(raw);
  if (!(shear <= shearTolerance)) {
    throw new ImagingError('geometry-invalid', 'The voxel grid is sheared.', {
      where: path,
      found: `axes whose cosines differ from right angles by ${shear.toFixed(4)}; direction ${raw.map((v) => v.toFixed(4)).join(', ')}`,
      expected: `at most ${shearTolerance}`,
      advice:
        'Resample the image to a straight grid first. If it comes from a tilted CT gantry, read the DICOM series instead: Glisson straightens it.',
    });
  }
  const findings: Finding[] = [];
  const geometry: Geometry = {
    size,
    spacing,
    origin: origin.map((v) => v + 0) as unknown as Vec3,
    direction: shear > noise ? nearestOrthonormal(raw) : raw,
  };
  assertGeometry(geometry, path);
  if (shear > noise) {
    const moved = cornerMovement(geometry, { ...geometry, direction: raw });
    if (moved > 0.1 * Math.min(...spacing)) {
      findings.push({
        severity: 'warning',
        code: 'axes-straightened',
        message: `The axes were not quite at right angles (cosine ${shear.toExponential(1)}); straightening them moves a corner by ${moved.toFixed(2)} mm.`,
        where: path,
      });
    }
  }
  return { geometry, findings };
}

/** Largest difference of M^T M from the identity. */
function deviation(m: Mat3): number {
  let worst = 0;
  for (let a = 0; a < 3; a++) {
    for (let b = a; b < 3; b++) {
      const dot = m[a]! * m[b]! + m[3 + a]! * m[3 + b]! + m[6 + a]! * m[6 + b]!;
      const off = Math.abs(dot - (a === b ? 1 : 0));
      if (!(off <= worst)) worst = off;
    }
  }
  return worst;
}

/** Orthonormal factor of the polar decomposition by Newton's iteration (Higham 1986); keeps handedness. */
export function nearestOrthonormal(m: Mat3): Mat3 {
  let x: readonly number[] = m;
  for (let step = 0; step < 30; step++) {
    const inverseTranspose = cofactors(x);
    const det = x[0]! * inverseTranspose[0]! + x[1]! * inverseTranspose[1]! + x[2]! * inverseTranspose[2]!;
    const next = x.map((v, i) => (v + inverseTranspose[i]! / det) / 2);
    const change = Math.max(...next.map((v, i) => Math.abs(v - x[i]!)));
    x = next;
    if (change < 1e-15) break;
  }
  return x as unknown as Mat3;
}

function cofactors(m: readonly number[]): number[] {
  const [a, b, c, d, e, f, g, h, i] = m as unknown as Mat3;
  return [
    e * i - f * h,
    f * g - d * i,
    d * h - e * g,
    c * h - b * i,
    a * i - c * g,
    b * g - a * h,
    b * f - c * e,
    c * d - a * f,
    a * e - b * d,
  ];
}

/** Largest distance in mm between the eight corner voxels of two grids of one size. */
export function cornerMovement(a: Geometry, b: Geometry): number {
  let worst = 0;
  for (let corner = 0; corner < 8; corner++) {
    const index = a.size.map((n, axis) => (corner & (1 << axis) ? n - 1 : 0)) as unknown as Vec3;
    const p = indexToWorld(a, index);
    const q = indexToWorld(b, index);
    worst = Math.max(worst, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
  }
  return worst;
}
