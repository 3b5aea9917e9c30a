import { type Geometry, indexToWorld, type Vec3, worldToIndex } from '@glisson/imaging/geometry/geometry';

/** For each index along a line of the target grid: the two source neighbours and the share of the second. */
interface LineMap {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float32Array;
  /** Nearest source index. */
  readonly nearest: Int32Array;
}

/** Bilinear way from slices of one grid to slices of another that has the same axes and field of view. */
export interface InPlaneMap {
  readonly x: LineMap;
  readonly y: LineMap;
}

/**
 * Relates two grids whose axes have the same directions and whose slices coincide, such as the prepared grid
 * and the scan's own in LPS order. Targets beyond the outermost source centres take the edge value.
 */
export function createInPlaneMap(source: Geometry, target: Geometry): InPlaneMap {
  return { x: lineMap(source, target, 0), y: lineMap(source, target, 1) };
}

function lineMap(source: Geometry, target: Geometry, axis: 0 | 1): LineMap {
  const length = target.size[axis];
  const last = source.size[axis] - 1;
  const map: LineMap = {
    first: new Int32Array(length),
    second: new Int32Array(length),
    share: new Float32Array(length),
    nearest: new Int32Array(length),
  };
  for (let n = 0; n < length; n++) {
    const index: Vec3 = axis === 0 ? [n, 0, 0] : [0, n, 0];
    const exact = worldToIndex(source, indexToWorld(target, index))[axis];
    // Equal grids must map exactly: rounding errors of the way through millimetres are taken off.
    const position = Math.min(last, Math.max(0, Math.round(exact * 1e6) / 1e6));
    const first = Math.floor(position);
    map.first[n] = first;
    map.second[n] = Math.min(last, first + 1);
    map.share[n] = position - first;
    map.nearest[n] = Math.round(position);
  }
  return map;
}

/** Interpolates a slice [source height, source width] bilinearly to `out` [target height, target width]. */
export function interpolateSlice(
  slice: Float32Array,
  sourceWidth: number,
  map: InPlaneMap,
  out: Float32Array,
): void {
  const width = map.x.first.length;
  const height = map.y.first.length;
  const line = new Float32Array(sourceWidth);
  for (let y = 0; y < height; y++) {
    const above = map.y.first[y]! * sourceWidth;
    const below = map.y.second[y]! * sourceWidth;
    const share = map.y.share[y]!;
    let isEmpty = true;
    for (let x = 0; x < sourceWidth; x++) {
      const value = slice[above + x]! + share * (slice[below + x]! - slice[above + x]!);
      line[x] = value;
      if (value !== 0) isEmpty = false;
    }
    const row = y * width;
    if (isEmpty) {
      out.fill(0, row, row + width);
      continue;
    }
    for (let x = 0; x < width; x++) {
      const left = line[map.x.first[x]!]!;
      out[row + x] = left + map.x.share[x]! * (line[map.x.second[x]!]! - left);
    }
  }
}
