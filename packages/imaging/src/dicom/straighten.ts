import { axisVector, type Geometry } from '../geometry/geometry.ts';
import type { Scan, Straightening } from '../volume/scan.ts';

/**
 * The straight grid that holds all slices of a sheared stack when slice k is moved by `shiftPx[k]` in its plane.
 * @param geometry the grid of slice 0, with the stack's slice count and spacing
 */
export function straightGrid(
  geometry: Geometry,
  shiftPx: readonly (readonly [number, number])[],
): { geometry: Geometry; straightening: Straightening } {
  const { size, spacing, origin } = geometry;
  const extent = [0, 1].map((axis) => {
    let low = 0;
    let high = 0;
    for (const shift of shiftPx) {
      low = Math.min(low, shift[axis]!);
      high = Math.max(high, shift[axis]!);
    }
    // A shift of 12.0000001 needs no thirteenth column.
    return { pad: Math.ceil(-low - 1e-3), grow: Math.ceil(high - 1e-3) };
  });
  const [x, y] = extent as [{ pad: number; grow: number }, { pad: number; grow: number }];
  const width = size[0] + x.pad + x.grow;
  const height = size[1] + y.pad + y.grow;
  const u = axisVector(geometry, 0);
  const v = axisVector(geometry, 1);
  const back = (axis: 0 | 1 | 2) =>
    origin[axis] - u[axis] * x.pad * spacing[0] - v[axis] * y.pad * spacing[1];
  return {
    geometry: { ...geometry, size: [width, height, size[2]], origin: [back(0), back(1), back(2)] },
    straightening: { sourceSize: [size[0], size[1]], pad: [x.pad, y.pad], shiftPx },
  };
}

/**
 * Writes source slice k at its place on the straight canvas: bilinear between pixels, `fill` outside.
 * Pixels outside of the slice count as `fill`, so its rim is blended over one pixel.
 * @param out the volume's voxels; only slice k of it is written
 */
export function placeSlice(
  slice: Int16Array | Float32Array,
  straightening: Straightening,
  k: number,
  fill: number,
  out: Int16Array | Float32Array,
  canvas: readonly [number, number],
): void {
  const [w, h] = straightening.sourceSize;
  const { wholeX, wholeY, fx, fy } = placement(straightening, k);
  const [width, height] = canvas;
  const rounded = out instanceof Int16Array;
  const base = k * width * height;
  out.fill(fill, base, base + width * height);
  const at = (i: number, j: number) => (i < 0 || j < 0 || i >= w || j >= h ? fill : slice[j * w + i]!);
  const lastJ = Math.min(height, wholeY + h + (fy > 0 ? 1 : 0));
  const lastI = Math.min(width, wholeX + w + (fx > 0 ? 1 : 0));
  for (let y = Math.max(0, wholeY); y < lastJ; y++) {
    const j = y - wholeY;
    for (let x = Math.max(0, wholeX); x < lastI; x++) {
      const i = x - wholeX;
      let value: number;
      if (fx === 0 && fy === 0) value = at(i, j);
      else {
        // Volume index x is source index i - fx: between i - 1 (weight fx) and i.
        const upper = fx * at(i - 1, j - 1) + (1 - fx) * at(i, j - 1);
        const lower = fx * at(i - 1, j) + (1 - fx) * at(i, j);
        value = fy * upper + (1 - fy) * lower;
      }
      out[base + y * width + x] = rounded ? Math.round(value) : value;
    }
  }
}

/** Whole and fractional part of where source pixel (0, 0) of slice k lands; tiny fractions are rounding. */
function placement(s: Straightening, k: number) {
  const split = (value: number): [number, number] => {
    const nearest = Math.round(value);
    if (Math.abs(value - nearest) < 1e-3) return [nearest, 0];
    return [Math.floor(value), value - Math.floor(value)];
  };
  const [wholeX, fx] = split(s.pad[0] + s.shiftPx[k]![0]);
  const [wholeY, fy] = split(s.pad[1] + s.shiftPx[k]![1]);
  return { wholeX, wholeY, fx, fy };
}

/**
 * Slice k of a labelmap on the scan's grid, back on the grid of the source slice: undoes straightening with
 * the nearest label; a view of the slice (no copy) when the scan was not straightened.
 * @param voxels labels on the scan's grid, x fastest
 */
export function toSourceSlices(voxels: Uint8Array, scan: Scan, k: number): Uint8Array {
  const [width, height] = scan.volume.geometry.size;
  const plane = voxels.subarray(k * width * height, (k + 1) * width * height);
  const s = scan.straightening;
  if (s === undefined) return plane;
  const [w, h] = s.sourceSize;
  const dx = s.pad[0] + s.shiftPx[k]![0];
  const dy = s.pad[1] + s.shiftPx[k]![1];
  const out = new Uint8Array(w * h);
  for (let j = 0; j < h; j++) {
    const y = Math.min(height - 1, Math.max(0, Math.round(j + dy)));
    for (let i = 0; i < w; i++) {
      const x = Math.min(width - 1, Math.max(0, Math.round(i + dx)));
      out[j * w + i] = plane[y * width + x]!;
    }
  }
  return out;
}
