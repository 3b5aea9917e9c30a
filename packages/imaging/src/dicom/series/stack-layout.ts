import { ImagingError } from '../../errors/imaging-error.ts';
import type { Geometry, Mat3, Vec3 } from '../../geometry/geometry.ts';
import type { Finding } from '../../volume/scan.ts';
import type { Plane } from './instance.ts';

/**
 * Tolerances, in words: planes closer than `samePlaneMm` lie in one plane. A slice may be off its even place
 * by `silentFraction` of the spacing unnoticed, by `evenFraction` with a warning; more is uneven. In-plane
 * drift over the whole stack below `straightPx` pixels needs no straightening.
 */
export const layoutTolerances = {
  samePlaneMm: 0.01,
  silentFraction: 0.02,
  silentMm: 0.02,
  evenFraction: 0.1,
  straightPx: 0.1,
  /** A straight grid may have this many times the area of a slice. */
  mostGrowth: 6,
  /** Missing slices that are filled at most: in one gap, and of the whole stack (one is always allowed). */
  mostMissingInGap: 3,
  mostMissingFraction: 0.1,
  axes: 1e-3,
  sameOrientation: 1e-3,
  sameSpacing: 1e-4,
} as const;

/** How planes make up a volume. */
export interface StackLayout {
  /** The grid of the slices as they are; of the first slice's canvas when they are shifted. */
  readonly geometry: Geometry;
  /** Planes at each slice k, from the lowest to the highest along the normal: none where one is missing, several duplicates. */
  readonly slots: readonly (readonly Plane[])[];
  /** In-plane offset of slice k from slice 0, in pixels along x and y, when it is not negligible. */
  readonly shiftPx?: readonly (readonly [number, number])[];
  readonly findings: readonly Finding[];
}

export type LayoutOutcome =
  | { readonly layout: StackLayout; readonly refusal?: undefined }
  | { readonly layout?: undefined; readonly refusal: ImagingError };

/**
 * Lays planes of one size, orientation and pixel spacing out along their normal (row x column), by
 * Image Position (Patient): instance numbers, file names and slice thickness play no part.
 * Refuses, with the reason, what is no volume.
 */
export function layOutStack(planes: readonly Plane[], where: string): LayoutOutcome {
  const refuse = (summary: string, found?: string, expected?: string, advice?: string): LayoutOutcome => ({
    refusal: new ImagingError('geometry-invalid', summary, { where, found, expected, advice }),
  });
  const { rows, columns } = planes[0]!.instance.pixels;
  const lacking = (tag: string, count: number) =>
    refuse(
      `The slices do not say where they lie: ${tag} is missing or broken.`,
      `${count} of ${planes.length} slices without`,
      'every slice with it',
      'Export the series again from its source, with its geometry.',
    );
  const noPosition = planes.filter((p) => p.position === undefined).length;
  if (noPosition > 0) return lacking('Image Position (Patient) (0020,0032)', noPosition);
  const noOrientation = planes.filter((p) => p.orientation === undefined).length;
  if (noOrientation > 0) return lacking('Image Orientation (Patient) (0020,0037)', noOrientation);
  const noSpacing = planes.filter((p) => p.pixelSpacing === undefined).length;
  if (noSpacing > 0) return lacking('Pixel Spacing (0028,0030)', noSpacing);

  // The lowest plane gives the axes: which file comes first must not matter where cosines differ by rounding.
  const reference = lowestPlane(planes);
  const axes = orthonormal(reference.orientation!);
  if (axes === undefined) {
    return refuse(
      'The direction cosines are not two unit vectors at right angles.',
      `(0020,0037) ${reference.orientation!.join('\\')}`,
      'unit vectors at right angles',
    );
  }
  const { row, column, normal } = axes;
  const [rowSpacing, columnSpacing] = reference.pixelSpacing!;
  const findings: Finding[] = [];
  const find = (severity: Finding['severity'], code: string, message: string) =>
    findings.push({ severity, code, message, where });

  const heights = planes.map((plane) => dot(plane.position!, normal));
  const order = planes.map((_, i) => i).sort((a, b) => heights[a]! - heights[b]!);
  const groups: { height: number; planes: Plane[] }[] = [];
  for (const i of order) {
    const last = groups.at(-1);
    if (last && heights[i]! - last.height <= layoutTolerances.samePlaneMm) last.planes.push(planes[i]!);
    else groups.push({ height: heights[i]!, planes: [planes[i]!] });
  }
  const duplicates = groups.filter((g) => g.planes.length > 1);
  const aside = most(
    duplicates.map((g) => most(g.planes.map((p) => distance(p.position!, g.planes[0]!.position!)))),
  );
  // Reading one of them would need a guess which position is the true one.
  if (
    aside >
    layoutTolerances.samePlaneMm + layoutTolerances.straightPx * Math.min(rowSpacing, columnSpacing)
  ) {
    return refuse(
      'Slices lie beside each other in one plane.',
      `two at one height, ${Number(aside.toFixed(3))} mm apart`,
      'one slice a height, or exact duplicates',
      'The series mixes acquisitions or reconstructions: put the files of each into a folder of its own.',
    );
  }
  if (duplicates.length > 0) {
    const extra = duplicates.reduce((sum, g) => sum + g.planes.length - 1, 0);
    find(
      'warning',
      'duplicate-slices',
      `${extra} slice${extra > 1 ? 's lie' : ' lies'} where another one does; identical ones are read once, different ones cannot be read.`,
    );
  }
  if (groups.length < 2 && planes.length > 1) {
    return refuse(
      'All images lie at one and the same position, so they are no volume.',
      `${planes.length} images at ${reference.position!.join('\\')}`,
      'slices at different positions',
      'They may be phases, repetitions or renderings of one slice, or their positions were lost.',
    );
  }
  if (groups.length < 2) {
    return refuse(
      'A single slice is no volume: the distance between slices is unknown.',
      '1 slice position (slice thickness is not slice spacing)',
      'at least 2 slices',
      'Give the folder that holds the whole series.',
    );
  }
  const gaps = groups.slice(1).map((g, i) => g.height - groups[i]!.height);
  const typical = [...gaps].sort((a, b) => a - b)[(gaps.length - 1) >> 1]!;
  const steps = gaps.map((gap) => Math.max(1, Math.round(gap / typical)));
  const count = steps.reduce((sum, n) => sum + n, 1);
  const spacing = (groups.at(-1)!.height - groups[0]!.height) / (count - 1);
  let place = 0;
  let worst = 0;
  for (let i = 1; i < groups.length; i++) {
    place += steps[i - 1]!;
    worst = Math.max(worst, Math.abs(groups[i]!.height - groups[0]!.height - place * spacing));
  }
  const mm = (value: number) => `${Number(value.toFixed(3))} mm`;
  if (worst > layoutTolerances.evenFraction * spacing) {
    const range = `${mm(least(gaps))} to ${mm(most(gaps))}`;
    return refuse(
      'The slices are not evenly spaced, so they are no regular grid.',
      `distances of ${range}, most often ${mm(typical)}; a slice is ${mm(worst)} off an even grid`,
      `every slice within ${layoutTolerances.evenFraction * 100} % of the spacing of its place`,
      'Read an evenly spaced part, or resample with a tool made for it.',
    );
  }
  if (worst > Math.max(layoutTolerances.silentMm, layoutTolerances.silentFraction * spacing)) {
    find(
      'warning',
      'uneven-slices',
      `Slices are up to ${mm(worst)} off an even grid of ${mm(spacing)}; they are taken as even.`,
    );
  }
  const missing = count - groups.length;
  const allowed = Math.max(1, Math.floor(count * layoutTolerances.mostMissingFraction));
  const text = `${missing} of ${count} slices ${missing > 1 ? 'are' : 'is'} missing`;
  // Before anything of that length is made: one wrong position can mean a billion slices.
  if (missing > 0 && (missing > allowed || most(steps) - 1 > layoutTolerances.mostMissingInGap)) {
    return refuse(
      'Too many slices are missing.',
      text,
      `at most ${allowed} missing, and at most ${layoutTolerances.mostMissingInGap} in a row`,
      'Copy the whole series again from its source.',
    );
  }
  const slots = groups.flatMap((group, i): Plane[][] => [
    ...Array.from({ length: i === 0 ? 0 : steps[i - 1]! - 1 }, () => []),
    group.planes,
  ]);
  if (missing > 0) {
    const list = slots.flatMap((here, k) => (here.length === 0 ? [k + 1] : []));
    const numbers = `${list.slice(0, 8).join(', ')}${list.length > 8 ? ', …' : ''}`;
    find(
      'warning',
      'missing-slices',
      `${text} (number ${numbers} from the lowest). They are filled by interpolation between their neighbours so that positions and volumes stay true; what is found there was not measured.`,
    );
  }

  const first = groups[0]!.planes[0]!.position!;
  const shiftPx = slots.map((here): readonly [number, number] => {
    const at = here[0]?.position;
    if (at === undefined) return [Number.NaN, Number.NaN];
    const offset: Vec3 = [at[0] - first[0], at[1] - first[1], at[2] - first[2]];
    return [dot(offset, row) / columnSpacing, dot(offset, column) / rowSpacing];
  });
  fillShifts(shiftPx as [number, number][]);
  const drift = most(shiftPx.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))));
  const sheared = drift > layoutTolerances.straightPx;
  const extent = (axis: 0 | 1) => {
    const along = shiftPx.map((shift) => shift[axis]);
    return Math.max(0, most(along)) - Math.min(0, least(along));
  };
  const [width, height] = [Math.ceil(columns + extent(0)), Math.ceil(rows + extent(1))];
  if (width * height > layoutTolerances.mostGrowth * columns * rows) {
    return refuse(
      'The slices lie too far apart in their planes to form a volume.',
      `a straight grid of ${width} x ${height} pixels for slices of ${columns} x ${rows}`,
      `at most ${layoutTolerances.mostGrowth} times the slice`,
    );
  }
  if (sheared) {
    const last = shiftPx.at(-1)!;
    const slant = Math.hypot(last[0] * columnSpacing, last[1] * rowSpacing);
    const degrees = (Math.atan2(slant, spacing * (count - 1)) * 180) / Math.PI;
    find(
      'warning',
      'gantry-tilt',
      `The slices are stacked at a slant of ${degrees.toFixed(1)} degrees (gantry tilt or shear). They are moved in their own planes onto a straight grid.`,
    );
  }
  checkTags(reference, spacing, sheared, columns, find);
  const direction: Mat3 = [
    row[0],
    column[0],
    normal[0],
    row[1],
    column[1],
    normal[1],
    row[2],
    column[2],
    normal[2],
  ];
  const geometry: Geometry = {
    size: [columns, rows, count],
    spacing: [columnSpacing, rowSpacing, spacing],
    origin: first,
    direction,
  };
  return { layout: { geometry, slots, shiftPx: sheared ? shiftPx : undefined, findings } };
}

function lowestPlane(planes: readonly Plane[]): Plane {
  const normal = orthonormal(planes[0]!.orientation!)?.normal;
  if (normal === undefined) return planes[0]!;
  let lowest = planes[0]!;
  for (const plane of planes) {
    if (dot(plane.position!, normal) < dot(lowest.position!, normal)) lowest = plane;
  }
  return lowest;
}

/** A missing slice would have lain between its neighbours. */
function fillShifts(shifts: [number, number][]): void {
  let known = 0;
  for (let k = 1; k < shifts.length; k++) {
    if (Number.isNaN(shifts[k]![0])) continue;
    for (let m = known + 1; m < k; m++) {
      const t = (m - known) / (k - known);
      const [a, b] = [shifts[known]!, shifts[k]!];
      shifts[m] = [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
    }
    known = k;
  }
}

/** Tags that contradict the geometry: positions win, the person is told. */
function checkTags(
  plane: Plane,
  spacing: number,
  sheared: boolean,
  columns: number,
  find: (severity: Finding['severity'], code: string, message: string) => void,
): void {
  const stated = plane.spacingBetweenSlices;
  if (stated !== undefined && stated > 0 && Math.abs(stated - spacing) > 0.05 * spacing) {
    find(
      'warning',
      'spacing-contradiction',
      `Spacing Between Slices (0018,0088) says ${stated} mm, the positions say ${Number(spacing.toFixed(3))} mm; the positions are used.`,
    );
  }
  const diameter = plane.reconstructionDiameter;
  const width = plane.pixelSpacing![1] * columns;
  if (plane.instance.modality === 'CT' && diameter !== undefined && diameter > 0) {
    const ratio = width / diameter;
    if (ratio < 0.8 || ratio > 1.25) {
      // Slices smaller than the reconstruction are often cropped ones; an untouched matrix is a multiple of 128.
      find(
        ratio < 0.8 && columns % 128 !== 0 ? 'info' : 'warning',
        'pixel-spacing-doubtful',
        `Pixel Spacing (0028,0030) gives a field of ${width.toFixed(0)} mm, Reconstruction Diameter (0018,1100) says ${diameter} mm. Lengths and volumes may be wrong.`,
      );
    }
  }
  const [dy, dx] = plane.pixelSpacing!;
  if (Math.min(dx, dy) < 0.05 || Math.max(dx, dy) > 10 || spacing > 30) {
    find(
      'warning',
      'spacing-doubtful',
      `A spacing of ${dx} x ${dy} x ${Number(spacing.toFixed(3))} mm is unusual for a CT.`,
    );
  }
  if (!sheared && plane.gantryTilt !== undefined && Math.abs(plane.gantryTilt) > 0.5) {
    find(
      'info',
      'tilt-tag-without-shear',
      `Gantry/Detector Tilt (0018,1120) says ${plane.gantryTilt} degrees, but the positions form a straight stack; the positions are used.`,
    );
  }
}

/** Unit row, column and normal; undefined when the cosines are off by more than `layoutTolerances.axes`. */
export function orthonormal(
  cosines: readonly number[],
): { row: Vec3; column: Vec3; normal: Vec3 } | undefined {
  const r = cosines.slice(0, 3) as unknown as Vec3;
  const c = cosines.slice(3, 6) as unknown as Vec3;
  const tolerance = layoutTolerances.axes;
  const [rr, cc, rc] = [Math.hypot(...r), Math.hypot(...c), dot(r, c)];
  if (!(Math.abs(rr - 1) <= tolerance && Math.abs(cc - 1) <= tolerance && Math.abs(rc) <= tolerance)) {
    return undefined;
  }
  const row = scale(r, 1 / rr);
  const along = dot(c, row);
  const square: Vec3 = [c[0] - along * row[0], c[1] - along * row[1], c[2] - along * row[2]];
  const column = scale(square, 1 / Math.hypot(...square));
  const normal: Vec3 = [
    row[1] * column[2] - row[2] * column[1],
    row[2] * column[0] - row[0] * column[2],
    row[0] * column[1] - row[1] * column[0],
  ];
  return { row, column, normal };
}

/** Not by spreading arguments: a stack may have more slices than a call has room for. */
function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

function scale(v: Vec3, s: number): Vec3 {
  return [v[0] * s, v[1] * s, v[2] * s];
}

function distance(a: Vec3, b: Vec3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
