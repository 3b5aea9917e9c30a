/** A rectangle of pixels: x, y is its first pixel. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where tiles of one size lie on a slice; parts of a tile outside the slice are padding. */
export interface TileGrid {
  /** Tile [width, height] in pixels. */
  readonly tile: readonly [number, number];
  /** First pixel of each tile on the slice, row by row; negative where the slice is smaller than the tile. */
  readonly positions: readonly (readonly [number, number])[];
}

/** A region this much larger than the tile is still taken as one tile: a second one would cost far more. */
const mostStretch = 1.25;

/**
 * The tile for a region: the plan's, made to fit. It shrinks to a smaller region, so that no padding is computed,
 * stretches a little where that saves a second tile, and is rounded up to multiples of `unit`: what the network can
 * halve. Convolutional networks take any such size; null: this one takes the wanted size only.
 */
export function fitTile(
  wanted: readonly [number, number],
  region: Pick<Rectangle, 'width' | 'height'>,
  unit: number | null,
): [number, number] {
  if (unit === null) return [...wanted];
  const fit = (tile: number, length: number) =>
    Math.ceil((length <= mostStretch * tile ? length : tile) / unit) * unit;
  return [fit(wanted[0], region.width), fit(wanted[1], region.height)];
}

/**
 * First pixels of tiles along one axis: as few as reach the wanted overlap, evenly spread, the last one flush
 * with the edge. A line shorter than the tile gets one tile, padded equally on both sides.
 * @param overlap share of the tile, 0 up to (not including) 1
 */
export function tileStarts(length: number, tile: number, overlap: number): number[] {
  if (length <= tile) return [0 - Math.floor((tile - length) / 2)];
  const widestStep = Math.max(1, Math.floor(tile * (1 - overlap)));
  const gaps = Math.ceil((length - tile) / widestStep);
  return Array.from({ length: gaps + 1 }, (_, n) => Math.round((n * (length - tile)) / gaps));
}

/** Tiles that cover a region of a slice. */
export function tileGrid(region: Rectangle, tile: readonly [number, number], overlap: number): TileGrid {
  const columns = tileStarts(region.width, tile[0], overlap);
  const positions = tileStarts(region.height, tile[1], overlap).flatMap((y) =>
    columns.map((x): [number, number] => [region.x + x, region.y + y]),
  );
  return { tile, positions };
}

/**
 * Grows a region inside a slice until a tile fits into it, as far as the slice is large enough:
 * real surroundings are better context than padding.
 */
export function growToTile(
  region: Rectangle,
  slice: readonly [number, number],
  tile: readonly [number, number],
): Rectangle {
  const [x, width] = growLine(region.x, region.width, slice[0], tile[0]);
  const [y, height] = growLine(region.y, region.height, slice[1], tile[1]);
  return { x, y, width, height };
}

function growLine(start: number, length: number, available: number, wanted: number): [number, number] {
  const grown = Math.min(available, Math.max(length, wanted));
  const first = start - Math.floor((grown - length) / 2);
  return [Math.min(Math.max(0, first), available - grown), grown];
}
