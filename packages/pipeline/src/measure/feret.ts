/** A point in pixel coordinates: pixel (i, j) covers i - 0.5 .. i + 0.5 and j - 0.5 .. j + 0.5. */
export type PixelPoint = readonly [number, number];

/** The longest distance across a set of pixels, and between which of their corners. */
export interface Feret {
  readonly mm: number;
  readonly ends: readonly [PixelPoint, PixelPoint];
}

/** First and last pixel of a set in one row. */
export interface PixelRow {
  readonly j: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Maximum Feret diameter of a set of pixels, exact: the largest distance in mm between outer corners of pixels,
 * found over the convex hull. Only the outermost pixels of each row matter. Pixels count with their full extent,
 * so one pixel measures its own diagonal.
 * @param spacing pixel [x, y] in mm
 */
export function maximumFeret(rows: readonly PixelRow[], spacing: readonly [number, number]): Feret {
  const corners = rows.flatMap(({ j, first, last }): PixelPoint[] => [
    [first - 0.5, j - 0.5],
    [first - 0.5, j + 0.5],
    [last + 0.5, j - 0.5],
    [last + 0.5, j + 0.5],
  ]);
  const hull = convexHull(corners);
  let best = -1;
  let ends: [PixelPoint, PixelPoint] = [
    [0, 0],
    [0, 0],
  ];
  for (let a = 0; a < hull.length; a++) {
    for (let b = a + 1; b < hull.length; b++) {
      const p = hull[a]!;
      const q = hull[b]!;
      const distance = ((p[0] - q[0]) * spacing[0]) ** 2 + ((p[1] - q[1]) * spacing[1]) ** 2;
      if (distance > best) {
        best = distance;
        ends = [p, q];
      }
    }
  }
  return { mm: Math.sqrt(Math.max(0, best)), ends };
}

/** Andrew's monotone chain; collinear points are dropped. Scaling the axes keeps hulls, so pixels will do. */
function convexHull(points: readonly PixelPoint[]): PixelPoint[] {
  const sorted = [...points].sort((p, q) => p[0] - q[0] || p[1] - q[1]);
  const half = (list: readonly PixelPoint[]): PixelPoint[] => {
    const chain: PixelPoint[] = [];
    for (const p of list) {
      while (chain.length >= 2 && turn(chain.at(-2)!, chain.at(-1)!, p) <= 0) chain.pop();
      chain.push(p);
    }
    chain.pop();
    return chain;
  };
  return [...half(sorted), ...half(sorted.toReversed())];
}

function turn(a: PixelPoint, b: PixelPoint, c: PixelPoint): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}
