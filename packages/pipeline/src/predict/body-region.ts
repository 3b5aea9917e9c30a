import type { Rectangle } from './tile-grid.ts';

/** Slices with less body than this hold nothing to segment. */
const smallestBodyMm2 = 400;

/** Where the body is: what lies outside is not sent through the network. */
export interface BodyRegion {
  /** Bounding rectangle over all slices, with a margin. */
  readonly rectangle: Rectangle;
  /** Slices k that show the body. */
  readonly slices: readonly number[];
}

/**
 * Finds slices and the rectangle in which any voxel is above the window's lower end, that is, denser than air.
 * @param voxels clipped HU, x fastest
 * @param lowHU lower end of the window; voxels at it count as air
 * @param pixelMm2 area of a pixel
 */
export function findBodyRegion(
  voxels: Int16Array,
  size: readonly [number, number, number],
  lowHU: number,
  pixelMm2: number,
  marginPx = 8,
): BodyRegion {
  const [width, height, depth] = size;
  const threshold = Math.ceil(lowHU);
  const columns = new Uint8Array(width);
  const rows = new Uint8Array(height);
  const slices: number[] = [];
  let at = 0;
  for (let k = 0; k < depth; k++) {
    let count = 0;
    for (let y = 0; y < height; y++) {
      let inRow = 0;
      for (let x = 0; x < width; x++, at++) {
        if (voxels[at]! > threshold) {
          columns[x] = 1;
          inRow++;
        }
      }
      if (inRow > 0) rows[y] = 1;
      count += inRow;
    }
    // A slice smaller than the limit altogether counts when most of it is body.
    if (count > 0 && count * pixelMm2 >= Math.min(smallestBodyMm2, (width * height * pixelMm2) / 2)) {
      slices.push(k);
    }
  }
  const [x, right] = extent(columns, marginPx);
  const [y, bottom] = extent(rows, marginPx);
  return { rectangle: { x, y, width: right - x, height: bottom - y }, slices };
}

function extent(occupied: Uint8Array, margin: number): [number, number] {
  const first = occupied.indexOf(1);
  if (first < 0) return [0, occupied.length];
  return [Math.max(0, first - margin), Math.min(occupied.length, occupied.lastIndexOf(1) + 1 + margin)];
}
