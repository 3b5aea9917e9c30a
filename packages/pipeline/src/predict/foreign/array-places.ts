import type { ForeignPlan } from '../../plan/foreign-plan.ts';

export type ArrayLayout = ForeignPlan['input']['layout'] | ForeignPlan['output']['layout'];

/** Sides of the patient toward which the numbers of rows and columns rise. */
export type ArraySides = Pick<ForeignPlan['input'], 'rows' | 'columns'>;

/**
 * Where pixel (x, y) of channel c of item n lies in an array of a foreign network:
 * start + n item + c channel + y down + x across. x and y are ours: toward left and posterior.
 */
export interface ArrayPlaces {
  readonly dims: readonly number[];
  readonly start: number;
  readonly item: number;
  readonly channel: number;
  readonly down: number;
  readonly across: number;
}

/** Whether rows run from front to back or back to front, so that columns run from side to side. */
export function hasUprightRows({ rows }: ArraySides): boolean {
  return rows === 'P' || rows === 'A';
}

/**
 * The places in an array of `items` tiles.
 * @param tile [x, y] in pixels
 * @param channels ignored (1) by the layout NHW
 */
export function arrayPlaces(
  layout: ArrayLayout,
  sides: ArraySides,
  items: number,
  channels: number,
  tile: readonly [number, number],
): ArrayPlaces {
  const upright = hasUprightRows(sides);
  const [height, width] = upright ? [tile[1], tile[0]] : tile;
  const sizes: Readonly<Record<string, number>> = { N: items, C: channels, H: height, W: width };
  const dims = [...layout].map((axis) => sizes[axis]!);
  const strides: Record<string, number> = { C: 0 };
  let stride = 1;
  for (const axis of [...layout].reverse()) {
    strides[axis] = stride;
    stride *= sizes[axis]!;
  }
  // Rows that rise toward anterior or right are counted from the other end.
  const rowStep = sides.rows === 'A' || sides.rows === 'R' ? -strides.H! : strides.H!;
  const columnStep = sides.columns === 'A' || sides.columns === 'R' ? -strides.W! : strides.W!;
  return {
    dims,
    start: (rowStep < 0 ? (height - 1) * strides.H! : 0) + (columnStep < 0 ? (width - 1) * strides.W! : 0),
    item: strides.N!,
    channel: strides.C!,
    down: upright ? rowStep : columnStep,
    across: upright ? columnStep : rowStep,
  };
}

/** Puts tiles [items, channels, y, x] into the places of an array. Returns the same array where nothing moves. */
export function arrangeTiles(
  tiles: Float32Array,
  [items, channels, height, width]: readonly [number, number, number, number],
  places: ArrayPlaces,
): Float32Array {
  const area = height * width;
  const { start, item, channel, down, across } = places;
  if (start === 0 && item === channels * area && channel === area && down === width && across === 1)
    return tiles;
  const array = new Float32Array(tiles.length);
  let from = 0;
  for (let n = 0; n < items; n++) {
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        let to = start + n * item + c * channel + y * down;
        for (let x = 0; x < width; x++, to += across) array[to] = tiles[from++]!;
      }
    }
  }
  return array;
}
