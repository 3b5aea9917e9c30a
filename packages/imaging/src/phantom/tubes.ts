import type { Vec3 } from '../geometry/geometry.ts';

/** A rounded cone between two points: the building stone of vessels, ribs and bowel. */
export interface TubePiece {
  readonly from: Vec3;
  readonly to: Vec3;
  readonly fromRadius: number;
  readonly toRadius: number;
}

/** Pieces of one tube set as numbers, 8 each (ax, ay, az, bx, by, bz, ra, rb), in the mm frame of a grid. */
export interface TubeSet {
  readonly pieces: Float64Array;
  readonly count: number;
}

/** Chains points with radii into pieces. */
export function chain(points: readonly Vec3[], radii: readonly number[]): TubePiece[] {
  const pieces: TubePiece[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    pieces.push({ from: points[i]!, to: points[i + 1]!, fromRadius: radii[i]!, toRadius: radii[i + 1]! });
  }
  return pieces;
}

/** Catmull-Rom curve through `points`, `steps` pieces between two of them; radii are interpolated too. */
export function smoothChain(points: readonly Vec3[], radii: readonly number[], steps: number): TubePiece[] {
  const curve: Vec3[] = [];
  const widths: number[] = [];
  const at = (i: number) => points[Math.min(Math.max(i, 0), points.length - 1)]!;
  for (let i = 0; i + 1 < points.length; i++) {
    for (let s = 0; s < steps; s++) {
      const t = s / steps;
      const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
      const blend = (axis: 0 | 1 | 2) =>
        0.5 *
        (2 * p1[axis] +
          t *
            (p2[axis] -
              p0[axis] +
              t *
                (2 * p0[axis] -
                  5 * p1[axis] +
                  4 * p2[axis] -
                  p3[axis] +
                  t * (3 * p1[axis] - p0[axis] - 3 * p2[axis] + p3[axis]))));
      curve.push([blend(0), blend(1), blend(2)]);
      widths.push(radii[i]! + t * (radii[i + 1]! - radii[i]!));
    }
  }
  curve.push(points[points.length - 1]!);
  widths.push(radii[points.length - 1]!);
  return chain(curve, widths);
}

/** Packs pieces for `rasteriseTubes`, each point moved by `toGrid` (patient mm to grid mm). */
export function packTubes(pieces: readonly TubePiece[], toGrid: (point: Vec3) => Vec3): TubeSet {
  const packed = new Float64Array(pieces.length * 8);
  pieces.forEach((piece, i) => {
    packed.set([...toGrid(piece.from), ...toGrid(piece.to), piece.fromRadius, piece.toRadius], i * 8);
  });
  return { pieces: packed, count: pieces.length };
}

/** A plane of nodes `step` mm apart in the mm frame of a grid, node (0, 0) at (`u`, `v`). */
export interface NodePlane {
  readonly u: number;
  readonly v: number;
  readonly columns: number;
  readonly rows: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** Inclusive range of touched nodes; empty when `i1 < i0`. */
export interface NodeRange {
  i0: number;
  i1: number;
  j0: number;
  j1: number;
}

/**
 * Lowers `out` to the signed distance (mm, negative inside) of the tubes in the plane at height `w`,
 * wherever it is below `reach`, and returns the touched range.
 */
export function rasteriseTubes(
  tubes: TubeSet,
  plane: NodePlane,
  w: number,
  reach: number,
  out: Float32Array,
): NodeRange {
  const range: NodeRange = { i0: plane.columns, i1: -1, j0: plane.rows, j1: -1 };
  const p = tubes.pieces;
  for (let n = 0, o = 0; n < tubes.count; n++, o += 8) {
    const ra = p[o + 6]!;
    const rb = p[o + 7]!;
    const most = Math.max(ra, rb) + reach;
    const az = p[o + 2]!;
    const bz = p[o + 5]!;
    if (w < Math.min(az, bz) - most || w > Math.max(az, bz) + most) continue;
    const ax = p[o]! - plane.u;
    const ay = p[o + 1]! - plane.v;
    const bx = p[o + 3]! - p[o]!;
    const by = p[o + 4]! - p[o + 1]!;
    const bw = bz - az;
    const i0 = Math.max(0, Math.ceil((Math.min(ax, ax + bx) - most) / plane.stepX));
    const i1 = Math.min(plane.columns - 1, Math.floor((Math.max(ax, ax + bx) + most) / plane.stepX));
    const j0 = Math.max(0, Math.ceil((Math.min(ay, ay + by) - most) / plane.stepY));
    const j1 = Math.min(plane.rows - 1, Math.floor((Math.max(ay, ay + by) + most) / plane.stepY));
    if (i1 < i0 || j1 < j0) continue;
    if (i0 < range.i0) range.i0 = i0;
    if (i1 > range.i1) range.i1 = i1;
    if (j0 < range.j0) range.j0 = j0;
    if (j1 > range.j1) range.j1 = j1;
    const length2 = bx * bx + by * by + bw * bw;
    const inverse = length2 > 0 ? 1 / length2 : 0;
    const pw = w - az;
    for (let j = j0; j <= j1; j++) {
      const py = j * plane.stepY - ay;
      for (let i = i0; i <= i1; i++) {
        const px = i * plane.stepX - ax;
        let t = (px * bx + py * by + pw * bw) * inverse;
        if (t < 0) t = 0;
        else if (t > 1) t = 1;
        const dx = px - t * bx;
        const dy = py - t * by;
        const dw = pw - t * bw;
        const d = Math.sqrt(dx * dx + dy * dy + dw * dw) - (ra + t * (rb - ra));
        const at = j * plane.columns + i;
        if (d < out[at]!) out[at] = d;
      }
    }
  }
  return range;
}
