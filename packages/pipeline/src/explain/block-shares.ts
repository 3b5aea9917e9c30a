/** Pixels of a picture [x, x + width) by [y, y + height). */
export interface Block {
  readonly row: number;
  readonly column: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What part of a block's pixels belongs to each, 0 to 1; null where there are no labels. */
export interface BlockShares extends Block {
  readonly body: number;
  readonly liver: number | null;
  readonly lesion: number | null;
}

/** A picture cut into rows x columns blocks, row by row; where a side does not divide, sizes differ by one pixel. */
export function blocksOf(width: number, height: number, rows: number, columns: number): Block[] {
  const cut = (length: number, parts: number, n: number) => Math.floor((n * length) / parts);
  return Array.from({ length: rows * columns }, (_, n) => {
    const [row, column] = [Math.floor(n / columns), n % columns];
    const [x, y] = [cut(width, columns, column), cut(height, rows, row)];
    return {
      row,
      column,
      x,
      y,
      width: cut(width, columns, column + 1) - x,
      height: cut(height, rows, row + 1) - y,
    };
  });
}

/**
 * Shares of body, liver (labels from 1) and lesion (label 2) in each block.
 * @param body [height, width], 0 or 1
 * @param labels [height, width]
 */
export function blockShares(
  blocks: readonly Block[],
  width: number,
  body: Uint8Array,
  labels: Uint8Array | undefined,
): BlockShares[] {
  return blocks.map((block) => {
    const share = (mask: Uint8Array, least: number) => {
      let count = 0;
      for (let y = block.y; y < block.y + block.height; y++) {
        const row = mask.subarray(y * width + block.x, y * width + block.x + block.width);
        for (const value of row) if (value >= least) count++;
      }
      return count / (block.width * block.height);
    };
    return {
      ...block,
      body: share(body, 1),
      liver: labels === undefined ? null : share(labels, 1),
      lesion: labels === undefined ? null : share(labels, 2),
    };
  });
}
