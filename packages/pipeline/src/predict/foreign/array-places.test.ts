import { describe, expect, test } from 'vitest';
import { type ArraySides, arrangeTiles, arrayPlaces } from './array-places.ts';

const sides: ArraySides[] = (['P', 'A'] as const).flatMap((upright) =>
  (['L', 'R'] as const).flatMap((across): ArraySides[] => [
    { rows: upright, columns: across },
    { rows: across, columns: upright },
  ]),
);
const [items, channels, height, width] = [2, 3, 4, 5];

describe.each(['NCHW', 'NHWC', 'NHW'] as const)('layout %s', (layout) => {
  test.each(sides)('rows toward $rows, columns toward $columns', ({ rows, columns }) => {
    const c = layout === 'NHW' ? 1 : channels;
    const tiles = Float32Array.from({ length: items * c * height * width }, (_, i) => i);
    const places = arrayPlaces(layout, { rows, columns }, items, c, [width, height]);
    const array = arrangeTiles(tiles, [items, c, height, width], places);

    // Read back by the meaning of the words alone.
    const along = (side: string, x: number, y: number) =>
      ({ L: x, R: width - 1 - x, P: y, A: height - 1 - y })[side]!;
    const rowCount = rows === 'P' || rows === 'A' ? height : width;
    const columnCount = rowCount === height ? width : height;
    const sizes: Record<string, number> = { N: items, C: c, H: rowCount, W: columnCount };
    expect(places.dims).toEqual([...layout].map((axis) => sizes[axis]));
    for (let n = 0; n < items; n++) {
      for (let k = 0; k < c; k++) {
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const index: Record<string, number> = {
              N: n,
              C: k,
              H: along(rows, x, y),
              W: along(columns, x, y),
            };
            const at = [...layout].reduce((offset, axis) => offset * sizes[axis]! + index[axis]!, 0);
            expect(array[at]).toBe(tiles[((n * c + k) * height + y) * width + x]);
          }
        }
      }
    }
    expect(array === tiles).toBe(layout === 'NCHW' && rows === 'P' && columns === 'L');
  });
});
