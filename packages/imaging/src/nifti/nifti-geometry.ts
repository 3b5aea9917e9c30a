import { ImagingError } from '../errors/imaging-error.ts';
import type { Geometry, Mat3, Vec3 } from '../geometry/geometry.ts';
import { cornerMovement, gridFromSteps } from '../raster/grid-from-axes.ts';
import type { Finding } from '../volume/scan.ts';
import type { NiftiHeader } from './nifti-header.ts';

interface Placed {
  readonly geometry: Geometry;
  readonly findings: readonly Finding[];
}

/** mm per unit of xyzt_units 1 (metre), 2 (mm), 3 (micron); unknown counts as mm. */
const unitMm: Readonly<Record<number, number>> = { 1: 1000, 2: 1, 3: 0.001 };

/**
 * Where the grid of a NIfTI header lies, in LPS mm (NIfTI itself is RAS+: x and y change sign).
 * sform when its code is positive, else qform, else pixdim alone with a warning, as nifti1.h orders them.
 * A left-handed grid stays left-handed.
 * @throws ImagingError `geometry-invalid` when the one to use is sheared or has an axis without length
 */
export function niftiGeometry(header: NiftiHeader, path: string): Placed {
  const size = imageSize(header, path);
  const findings: Finding[] = [];
  const warn = (code: string, message: string) =>
    findings.push({ severity: 'warning', code, message, where: path });
  const unit = unitMm[header.spaceUnit] ?? 1;
  const place = (columns: RasColumns): Placed => {
    const [x, y, z, o] = columns.map((c) => [-c[0] * unit, -c[1] * unit, c[2] * unit]) as unknown as [
      Vec3,
      Vec3,
      Vec3,
      Vec3,
    ];
    return gridFromSteps(size, [x, y, z], o, path);
  };

  const sform = header.sformCode > 0 ? sformColumns(header) : undefined;
  const qform = header.qformCode > 0 ? qformColumns(header) : undefined;
  if (sform !== undefined && isUsable(sform)) {
    const placed = place(sform);
    if (qform !== undefined && isUsable(qform)) {
      const moved = cornerMovement(placed.geometry, place(qform).geometry);
      // Half a voxel: smaller differences are the rounding of the quaternion.
      if (moved > 0.5 * Math.min(...placed.geometry.spacing)) {
        warn(
          'sform-qform-differ',
          `sform and qform place the image differently (a corner by ${moved.toFixed(1)} mm); sform was used.`,
        );
      }
    } else {
      warnOfPixdim(header, placed.geometry, unit, warn);
    }
    return { geometry: placed.geometry, findings: [...placed.findings, ...findings] };
  }
  if (sform !== undefined) {
    warn('sform-unusable', 'The sform is marked as valid but has an axis without length; it was not used.');
  }
  if (qform !== undefined) {
    const placed = place(qform);
    return { geometry: placed.geometry, findings: [...findings, ...placed.findings] };
  }
  warn(
    'orientation-unknown',
    'The file says only how large its voxels are, not where left, front and top lie (sform and qform codes are 0). The axes were taken as right, anterior, superior.',
  );
  const [, dx, dy, dz] = header.pixdim;
  const placed = place([
    [length(dx), 0, 0],
    [0, length(dy), 0],
    [0, 0, length(dz)],
    [0, 0, 0],
  ]);
  return { geometry: placed.geometry, findings: [...findings, ...placed.findings] };
}

/** Steps along i, j, k and the position of voxel (0, 0, 0), in RAS. */
type RasColumns = readonly [Vec3, Vec3, Vec3, Vec3];

/** Three lengths; further dimensions must be 1. */
function imageSize(header: NiftiHeader, path: string): Vec3 {
  const { dims } = header;
  const extra = dims.slice(3);
  if (extra.some((n) => n > 1)) {
    throw new ImagingError('unsupported', 'The file holds more than one volume.', {
      where: `${path}, dim`,
      found: `${dims.join(' x ')}${dims[3]! > 1 ? ` (${dims[3]} time points)` : ''}`,
      expected: 'three dimensions, or further ones of length 1',
      advice: 'Split it into one file a volume first.',
    });
  }
  return [dims[0]!, dims[1] ?? 1, dims[2] ?? 1];
}

function sformColumns(header: NiftiHeader): RasColumns {
  const s = header.sform;
  const column = (c: number): Vec3 => [s[c]!, s[4 + c]!, s[8 + c]!];
  return [column(0), column(1), column(2), column(3)];
}

/** Method 2 of nifti1.h. */
function qformColumns(header: NiftiHeader): RasColumns {
  const r = quaternionMatrix(header.quaternion);
  const [qfacRaw, dx, dy, dz] = header.pixdim;
  const qfac = qfacRaw! < 0 ? -1 : 1;
  const column = (axis: 0 | 1 | 2, scale: number): Vec3 => [
    r[axis] * scale,
    r[3 + axis]! * scale,
    r[6 + axis]! * scale,
  ];
  return [column(0, length(dx)), column(1, length(dy)), column(2, length(dz) * qfac), header.qoffset];
}

/** pixdim lengths are positive by the standard; some writers leave a sign or, for a single slice, 0. */
function length(pixdim: number | undefined): number {
  return pixdim === undefined || pixdim === 0 || Number.isNaN(pixdim) ? 1 : Math.abs(pixdim);
}

function isUsable(columns: RasColumns): boolean {
  return (
    columns.every((c) => c.every(Number.isFinite)) && columns.slice(0, 3).every((c) => Math.hypot(...c) > 0)
  );
}

function warnOfPixdim(
  header: NiftiHeader,
  geometry: Geometry,
  unit: number,
  warn: (code: string, message: string) => void,
): void {
  const stated = header.pixdim.slice(1, 4).map((v) => Math.abs(v) * unit);
  const differ = stated.some((v, axis) => v > 0 && Math.abs(v / geometry.spacing[axis]! - 1) > 0.01);
  if (differ) {
    warn(
      'pixdim-differs',
      `pixdim says ${stated.map((v) => Number(v.toFixed(4))).join(' x ')} mm, the sform ${geometry.spacing.map((v) => Number(v.toFixed(4))).join(' x ')} mm; the sform was used.`,
    );
  }
}

/** Rotation matrix of the unit quaternion with the given b, c, d and a >= 0 (nifti1.h, quatern_to_mat44). */
export function quaternionMatrix([b, c, d]: readonly [number, number, number]): Mat3 {
  let a = 1 - (b * b + c * c + d * d);
  if (a < 1e-7) {
    // A half-turn whose b, c, d were rounded: normalise, as the reference implementation does.
    const norm = 1 / Math.sqrt(b * b + c * c + d * d);
    b *= norm;
    c *= norm;
    d *= norm;
    a = 0;
  } else {
    a = Math.sqrt(a);
  }
  return [
    a * a + b * b - c * c - d * d,
    2 * (b * c - a * d),
    2 * (b * d + a * c),
    2 * (b * c + a * d),
    a * a + c * c - b * b - d * d,
    2 * (c * d - a * b),
    2 * (b * d - a * c),
    2 * (c * d + a * b),
    a * a + d * d - c * c - b * b,
  ];
}

/** b, c, d of a proper rotation (determinant +1), a >= 0; the largest component is found first, for accuracy. */
export function matrixQuaternion(m: Mat3): [number, number, number] {
  const [r11, r12, r13, r21, r22, r23, r31, r32, r33] = m;
  // 4 a^2, 4 b^2, 4 c^2, 4 d^2
  const squares = [1 + r11 + r22 + r33, 1 + r11 - r22 - r33, 1 - r11 + r22 - r33, 1 - r11 - r22 + r33];
  const largest = squares.indexOf(Math.max(...squares));
  const half = Math.sqrt(squares[largest]!) / 2;
  const quarter = 1 / (4 * half);
  const rows = [
    [half, (r32 - r23) * quarter, (r13 - r31) * quarter, (r21 - r12) * quarter],
    [(r32 - r23) * quarter, half, (r12 + r21) * quarter, (r13 + r31) * quarter],
    [(r13 - r31) * quarter, (r12 + r21) * quarter, half, (r23 + r32) * quarter],
    [(r21 - r12) * quarter, (r13 + r31) * quarter, (r23 + r32) * quarter, half],
  ];
  const [a, b, c, d] = rows[largest]! as [number, number, number, number];
  return a < 0 ? [-b, -c, -d] : [b, c, d];
}
