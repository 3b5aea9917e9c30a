/**
 * Shapes as implicit functions: approximate signed distance in mm, negative inside.
 * Square roots only: exact IEEE results, equal on every machine.
 */

/** Half axes and centre in mm. */
export interface Ellipsoid {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly rx: number;
  readonly ry: number;
  readonly rz: number;
  /** Rotation in the x-y plane: cosine and sine of the angle. */
  readonly cos: number;
  readonly sin: number;
  /** Shear of x by z and y by z: leans the organ. */
  readonly leanX: number;
  readonly leanY: number;
}

/** An ellipsoid; `degrees` turns it in the axial plane, `leanX`/`leanY` shift it by mm per mm of z. */
export function ellipsoid(
  centre: readonly [number, number, number],
  halfAxes: readonly [number, number, number],
  degrees = 0,
  leanX = 0,
  leanY = 0,
): Ellipsoid {
  const angle = (degrees * Math.PI) / 180;
  return {
    x: centre[0],
    y: centre[1],
    z: centre[2],
    rx: halfAxes[0],
    ry: halfAxes[1],
    rz: halfAxes[2],
    cos: Math.cos(angle),
    sin: Math.sin(angle),
    leanX,
    leanY,
  };
}

/** Signed distance to an ellipsoid, first order (exact on the surface, good near it). */
export function ellipsoidDistance(e: Ellipsoid, x: number, y: number, z: number): number {
  const dz = z - e.z;
  const sx = x - e.x - e.leanX * dz;
  const sy = y - e.y - e.leanY * dz;
  const u = (e.cos * sx + e.sin * sy) / e.rx;
  const v = (e.cos * sy - e.sin * sx) / e.ry;
  const w = dz / e.rz;
  const k0 = Math.sqrt(u * u + v * v + w * w);
  const gu = u / e.rx;
  const gv = v / e.ry;
  const gw = w / e.rz;
  const k1 = Math.sqrt(gu * gu + gv * gv + gw * gw);
  return k1 < 1e-9 ? -Math.min(e.rx, e.ry, e.rz) : (k0 * (k0 - 1)) / k1;
}

/**
 * Signed distance to a rounded box-like outline: a mix of the ellipse and the fourth-power ellipse,
 * the outline of a trunk. `u`, `v` are offsets from the centre.
 */
export function trunkDistance(u: number, v: number, halfWidth: number, halfDepth: number): number {
  const a = u / halfWidth;
  const b = v / halfDepth;
  const a2 = a * a;
  const b2 = b * b;
  const round = Math.sqrt(a2 + b2);
  const square = Math.sqrt(Math.sqrt(a2 * a2 + b2 * b2));
  const k0 = 0.62 * round + 0.38 * square;
  const ga = a / halfWidth;
  const gb = b / halfDepth;
  const k1 = Math.sqrt(ga * ga + gb * gb);
  return k1 < 1e-9 ? -Math.min(halfWidth, halfDepth) : ((k0 - 1) * round) / k1;
}

/** Union with a blend of `k` mm (quadratic smooth minimum). */
export function smoothUnion(a: number, b: number, k: number): number {
  const h = k - Math.abs(a - b);
  const least = Math.min(a, b);
  return h <= 0 ? least : least - (h * h) / (4 * k);
}

/** Intersection with a blend of `k` mm. */
export function smoothIntersection(a: number, b: number, k: number): number {
  return -smoothUnion(-a, -b, k);
}
