import { ImagingError } from '../errors/imaging-error.ts';
import type { Geometry, Vec3 } from '../geometry/geometry.ts';
import { gridFromSteps } from '../raster/grid-from-axes.ts';
import type { Finding } from '../volume/scan.ts';
import type { NrrdHeader } from './nrrd-header.ts';

/** Signs that turn x, y, z of a NRRD space into left, posterior, superior. */
const spaces: Readonly<Record<string, Vec3>> = {
  'left-posterior-superior': [1, 1, 1],
  lps: [1, 1, 1],
  'right-anterior-superior': [-1, -1, 1],
  ras: [-1, -1, 1],
  'left-anterior-superior': [1, -1, 1],
  las: [1, -1, 1],
};

/**
 * Where the grid of a NRRD header lies, in LPS mm. Without a known space or without directions the axes are
 * taken as left, posterior, superior, with a warning. A fourth axis of length 1 is dropped.
 * @throws ImagingError `unsupported` (several volumes, colour), `damaged`, `geometry-invalid`
 */
export function nrrdGeometry(
  header: NrrdHeader,
  path: string,
): { geometry: Geometry; findings: readonly Finding[] } {
  const axes = spatialAxes(header, path);
  const size = [0, 1, 2].map((i) => (axes[i] === undefined ? 1 : header.sizes[axes[i]!]!)) as unknown as Vec3;
  const findings: Finding[] = [];
  const warn = (code: string, message: string) =>
    findings.push({ severity: 'warning', code, message, where: path });

  const spaceName = header.fields.get('space')?.toLowerCase();
  const signs = spaceName === undefined ? undefined : spaces[spaceName];
  const directions = header.fields.get('space directions');
  if (signs === undefined && spaceName !== undefined) {
    warn(
      'orientation-unknown',
      `The space "${spaceName}" does not say where left and right lie; it was read as left-posterior-superior.`,
    );
  }
  let steps: Vec3[];
  if (directions !== undefined) {
    if (spaceName === undefined) {
      warn(
        'orientation-unknown',
        'The header has directions but no space; they were read as left-posterior-superior.',
      );
    }
    const vectors = parseVectors(directions, header.sizes.length, path);
    steps = axes.map((axis) => vectors[axis]!);
  } else {
    warn(
      'orientation-unknown',
      'The file says only how large its voxels are, not where left, front and top lie. The axes were taken as left, posterior, superior.',
    );
    const spacings = header.fields.get('spacings')?.split(/\s+/).map(Number);
    if (spacings === undefined) {
      warn('spacing-unknown', 'The header gives no spacing; 1 mm was assumed: nothing can be measured.');
    }
    steps = axes.map((axis, i) => {
      const length = spacings?.[axis] ?? 1;
      return [0, 1, 2].map((row) => (row === i ? length : 0)) as unknown as Vec3;
    });
  }
  if (steps.length === 2) steps.push(normalOf(steps[0]!, steps[1]!));
  const scale = unitMm(header, path);
  const sign = signs ?? [1, 1, 1];
  const toLps = (v: Vec3): Vec3 => [v[0] * sign[0] * scale, v[1] * sign[1] * scale, v[2] * sign[2] * scale];
  const originText = header.fields.get('space origin');
  const origin = originText === undefined ? ([0, 0, 0] as Vec3) : parseVectors(originText, 1, path)[0];
  if (origin === undefined) throw badVector(originText!, path);
  const placed = gridFromSteps(size, steps.map(toLps) as unknown as [Vec3, Vec3, Vec3], toLps(origin), path);
  return { geometry: placed.geometry, findings: [...findings, ...placed.findings] };
}

/** Indices of the axes that span the grid: two or three; the others must have length 1. */
function spatialAxes(header: NrrdHeader, path: string): number[] {
  const all = header.sizes.map((_, axis) => axis);
  const directions = header.fields.get('space directions');
  const vectors = directions === undefined ? undefined : parseVectors(directions, all.length, path);
  let axes = vectors === undefined ? all : all.filter((axis) => vectors[axis] !== undefined);
  if (vectors === undefined && axes.length > 3) {
    const long = axes.filter((axis) => header.sizes[axis]! > 1);
    axes = long.length === 3 ? long : axes.slice(0, 3);
  }
  const others = all.filter((axis) => !axes.includes(axis));
  const fits = axes.length === 2 || axes.length === 3;
  if (fits && others.every((axis) => header.sizes[axis] === 1)) return axes;
  throw new ImagingError('unsupported', 'The file does not hold one volume with one number a voxel.', {
    where: path,
    found: `sizes ${header.sizes.join(' x ')}, kinds ${header.fields.get('kinds') ?? 'not given'}`,
    expected: 'three space axes, others of length 1',
    advice: 'Split it into one file a volume (or a segmentation layer) first.',
  });
}

/** `(1,0,0) none (0,0,2)`: one entry an axis, undefined for `none`. */
function parseVectors(text: string, count: number, path: string): (Vec3 | undefined)[] {
  const parts = text.match(/none|\([^)]*\)/gi) ?? [];
  if (parts.length !== count) throw badVector(text, path);
  return parts.map((part) => {
    if (part.toLowerCase() === 'none') return undefined;
    const numbers = part
      .slice(1, -1)
      .split(',')
      .map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    if (numbers.length !== 3 || !numbers.every(Number.isFinite)) throw badVector(text, path);
    return numbers as unknown as Vec3;
  });
}

function badVector(text: string, path: string): ImagingError {
  return new ImagingError('damaged', 'A vector in the NRRD header cannot be read.', {
    where: path,
    found: text,
    expected: 'one (x,y,z) with three finite numbers, or "none", for each axis',
  });
}

function normalOf(a: Vec3, b: Vec3): Vec3 {
  const n: Vec3 = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const length = Math.hypot(...n) || 1;
  return [n[0] / length, n[1] / length, n[2] / length];
}

/** mm per space unit; all axes must have one unit. */
function unitMm(header: NrrdHeader, path: string): number {
  const text = header.fields.get('space units');
  if (text === undefined) return 1;
  const units = new Set([...text.matchAll(/"([^"]*)"/g)].map((match) => match[1]!.trim().toLowerCase()));
  const known: Readonly<Record<string, number>> = {
    mm: 1,
    millimeter: 1,
    millimeters: 1,
    cm: 10,
    m: 1000,
    um: 0.001,
    µm: 0.001,
    micron: 0.001,
    microns: 0.001,
    '': 1,
  };
  const [unit] = units;
  if (units.size === 1 && known[unit!] !== undefined) return known[unit!]!;
  throw new ImagingError('unsupported', 'The lengths in the NRRD header have an unknown unit.', {
    where: `${path}, space units`,
    found: text,
    expected: '"mm" for every axis (cm, m and um are converted)',
  });
}
