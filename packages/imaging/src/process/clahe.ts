export interface ClaheOptions {
  /** How many times its even share a bin of a tile may hold. */
  readonly clipLimit: number;
  /** Tiles [across, down]. */
  readonly tiles: readonly [number, number];
  /** Only pixels where this is not 0 are counted. All pixels are mapped; a tile without any counted leaves them as they are. */
  readonly mask?: Uint8Array;
}

const levels = 256;

/**
 * Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994) of an 8-bit image, with OpenCV's
 * rules: bins are clipped, what was cut off is spread evenly, and each pixel is interpolated between the four nearest tiles.
 * A size that the tiles do not divide is continued by mirroring. Not in place.
 * @param grey [height, width]
 */
export function clahe(
  grey: Uint8Array,
  size: readonly [number, number],
  { clipLimit, tiles, mask }: ClaheOptions,
): Uint8Array {
  const [width, height] = size;
  const [across, down] = tiles;
  const tile = [Math.ceil(width / across), Math.ceil(height / down)] as const;
  const curves: Uint8Array[] = [];
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const { counts, total } = countTile(grey, size, mask, column * tile[0], row * tile[1], tile);
      clipCounts(counts, Math.max(1, Math.floor((clipLimit * total) / levels)));
      curves.push(curveOf(counts, total));
    }
  }

  const x = neighbours(width, tile[0], across);
  const out = new Uint8Array(grey.length);
  const y = neighbours(height, tile[1], down);
  for (let row = 0; row < height; row++) {
    const above = y.first[row]! * across;
    const below = y.second[row]! * across;
    const v = y.share[row]!;
    for (let column = 0; column < width; column++) {
      const i = row * width + column;
      const level = grey[i]!;
      const left = x.first[column]!;
      const right = x.second[column]!;
      const u = x.share[column]!;
      const top = curves[above + left]![level]! * (1 - u) + curves[above + right]![level]! * u;
      const bottom = curves[below + left]![level]! * (1 - u) + curves[below + right]![level]! * u;
      out[i] = roundHalfToEven(top * (1 - v) + bottom * v);
    }
  }
  return out;
}

/** Index of a line that is continued beyond its end by mirroring, the last element not repeated. */
function mirrored(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * length - 2;
  const rest = index % period;
  return rest < length ? rest : period - rest;
}

function countTile(
  grey: Uint8Array,
  [width, height]: readonly [number, number],
  mask: Uint8Array | undefined,
  left: number,
  top: number,
  [tileWidth, tileHeight]: readonly [number, number],
): { counts: Int32Array; total: number } {
  const counts = new Int32Array(levels);
  let total = 0;
  for (let y = top; y < top + tileHeight; y++) {
    const row = mirrored(y, height) * width;
    for (let x = left; x < left + tileWidth; x++) {
      const i = row + mirrored(x, width);
      if (mask !== undefined && mask[i] === 0) continue;
      counts[grey[i]!]!++;
      total++;
    }
  }
  return { counts, total };
}

/** Cuts bins off at the limit and spreads what was cut off evenly, in place. */
function clipCounts(counts: Int32Array, limit: number): void {
  let excess = 0;
  for (let level = 0; level < levels; level++) {
    if (counts[level]! <= limit) continue;
    excess += counts[level]! - limit;
    counts[level] = limit;
  }
  const each = Math.floor(excess / levels);
  let rest = excess - each * levels;
  for (let level = 0; level < levels; level++) counts[level]! += each;
  const step = Math.max(1, Math.floor(levels / Math.max(1, rest)));
  for (let level = 0; level < levels && rest > 0; level += step, rest--) counts[level]!++;
}

function curveOf(counts: Int32Array, total: number): Uint8Array {
  const curve = new Uint8Array(levels);
  if (total === 0) return curve.map((_, level) => level);
  let sum = 0;
  for (let level = 0; level < levels; level++) {
    sum += counts[level]!;
    curve[level] = Math.min(levels - 1, roundHalfToEven((sum * (levels - 1)) / total));
  }
  return curve;
}

/** For each pixel of a line: the tiles before and behind it by their middles, and the share of the second. */
function neighbours(length: number, tile: number, tiles: number) {
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const share = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const place = i / tile - 0.5;
    const before = Math.floor(place);
    share[i] = place - before;
    first[i] = Math.max(0, before);
    second[i] = Math.min(tiles - 1, before + 1);
  }
  return { first, second, share };
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
